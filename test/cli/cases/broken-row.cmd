lorac eval --model "$MODEL" --data "$DATA/broken.jsonl"
