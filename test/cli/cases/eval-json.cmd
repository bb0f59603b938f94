lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --quantization none --json | sed -E "s/(\.[0-9]{5})[0-9]+/\1/"
