# an adapter on other weights of the same shape: one line, whether or not its run.json lies beside it
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --out run >/dev/null || exit
cp "$MODEL" other.gguf
printf '\000\000\000\077' | dd of=other.gguf bs=1 conv=notrunc seek=$(($(wc -c <other.gguf) - 4)) 2>/dev/null
lorac eval --model other.gguf --adapter run/checkpoint-1 --data "$DATA/stories.jsonl" >/dev/null
lorac eval --model "$MODEL" --quantization nf4 --adapter run --data "$DATA/stories.jsonl" >/dev/null
lorac train --model other.gguf --adapter run --data "$DATA/stories.jsonl" --max_steps 1 --out more >/dev/null 2>&1
lorac eval --model other.gguf --adapter more --data "$DATA/stories.jsonl" >/dev/null
