lorac generate --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name} was a" --max_new_tokens 12
