printf "Once upon a time" | lorac generate --model "$MODEL" --max_new_tokens 16 --quantization none
