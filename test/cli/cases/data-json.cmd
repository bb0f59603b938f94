lorac data --model "$MODEL" --data "$DATA/stories.jsonl" --json --rows 0
