# a GGUF file that cannot be trained is still told what it is
# mask s/supported: .*\)/supported: ...)/
cp "$MODEL" other.gguf
at=$(grep -abo general.architecture "$MODEL" | head -1 | cut -d: -f1)
printf mamba | dd of=other.gguf bs=1 conv=notrunc seek=$((at + 32)) 2>/dev/null
lorac info other.gguf
lorac info --json --tensors other.gguf | grep -c '"shape"'
lorac eval --model other.gguf --data "$DATA/stories.jsonl"
