lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 20 --learning_rate 1e-2 --save_strategy no --out run >/dev/null || exit
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --json >before
lorac eval --quiet --model "$MODEL" --adapter run --data "$DATA/stories.jsonl" --json >after
loss() { sed -n 's/.*"loss": \([0-9.]*\).*/\1/p' $1; }
awk -v a="$(loss before)" -v b="$(loss after)" 'BEGIN { print (b < 0.5 * a) ? "learned" : "not learned: " a " " b }'
