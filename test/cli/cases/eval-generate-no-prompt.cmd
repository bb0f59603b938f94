lorac eval --model "$MODEL" --data "$DATA/stories.jsonl" --generate
