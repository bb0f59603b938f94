# a NaN in the last tensor of the file is named, by whichever command meets it
cp "$MODEL" nan.gguf
printf '\000\000\300\177' | dd of=nan.gguf bs=1 conv=notrunc seek=$(($(wc -c <nan.gguf) - 4)) 2>/dev/null
lorac train --quiet --model nan.gguf --data "$DATA/stories.jsonl" --max_steps 1 --out run
lorac eval --model nan.gguf --data "$DATA/stories.jsonl"
lorac generate --model nan.gguf --prompt "Once upon a time"
