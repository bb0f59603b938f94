head -c 600000 "$MODEL" >cut.gguf
lorac eval --model cut.gguf --data "$DATA/stories.jsonl"
