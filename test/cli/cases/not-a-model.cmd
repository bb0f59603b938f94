lorac eval --model "$DATA/pets.csv" --data "$DATA/stories.jsonl"
