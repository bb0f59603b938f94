lorac eval --model "$MODEL" --data "$DATA/stories.jsonl" --quantization none --device cpu:generic
