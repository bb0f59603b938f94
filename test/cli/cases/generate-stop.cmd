lorac generate --model "$MODEL" --prompt "Once upon a time" --max_new_tokens 64 --stop "."
