lorac generate --model "$MODEL"
