# mask s/"(seconds|tokens_per_second)": [^,]*/"\1": @NUMBER@/; s/(\.[0-9]{5})[0-9]+/\1/
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --quantization none --json --device cpu:generic
