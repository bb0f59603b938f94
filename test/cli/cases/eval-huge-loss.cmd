# mask s/"(seconds|tokens_per_second)": .*/"\1": @NUMBER@/
# a loss whose perplexity no double holds: the norm before the head is made 100,000 times too large
cp "$MODEL" large.gguf
for i in 1 2 3 4 5 6 7 8; do printf '\000\120\303\107\000\120\303\107\000\120\303\107\000\120\303\107\000\120\303\107\000\120\303\107\000\120\303\107\000\120\303\107'; done |
    dd of=large.gguf bs=1 conv=notrunc seek=145248 2>/dev/null
lorac eval --model large.gguf --data "$DATA/stories.jsonl" | sed 's/loss .*/loss/'
lorac eval --json --model large.gguf --data "$DATA/stories.jsonl" | grep perplexity
