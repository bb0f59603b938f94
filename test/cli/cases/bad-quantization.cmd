lorac eval --model "$MODEL" --data "$DATA/stories.jsonl" --quantization q9_0
