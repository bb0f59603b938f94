# warmup_steps 0 is no warm-up, also when run.json repeats it; the default has one
rates() { sed -n 's/.*"learning_rate":\([^,]*\),.*/\1/p' "$1/log.jsonl" | head -2 | tr '\n' ' '; echo; }
common="--quiet --model $MODEL --data $DATA/stories.jsonl --max_steps 3 --logging_steps 1 --save_strategy no"
lorac train $common --out some >/dev/null && rates some
lorac train $common --warmup_steps 0 --out none >/dev/null && rates none
lorac train --quiet --config none/run.json --out again >/dev/null && rates again
