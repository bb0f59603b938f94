# mount
# A disk without room for the weights is no failure, and nothing of them stays on it.
dd if=/dev/zero of=disk/filler bs=1024 count=200 2>/dev/null
lorac eval --model "$MODEL" --data "$DATA/stories.jsonl" --quantization nf4 --device cpu:generic --json --cache_dir disk/kept | grep -c '"loss"'
ls disk disk/kept
