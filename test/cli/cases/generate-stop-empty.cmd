lorac generate --model "$MODEL" --prompt "Once upon a time" --stop ""
