lorac generate --model "$MODEL" --prompt "Once" --max_new_tokens 3000
