lorac generate --model "$MODEL" --adapter nowhere --prompt x
