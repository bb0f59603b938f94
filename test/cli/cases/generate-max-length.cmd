# not an option that is taken and then ignored
lorac generate --model "$MODEL" --prompt "Once upon a time" --max_length 2
