lorac generate --model "$MODEL" --prompt ""
