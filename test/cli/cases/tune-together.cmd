# Processes and threads that work on one study at the same time make the same runs to the same bits as one alone.
printf 'learning_rate: [1e-3, 3e-3]\nlora_r: [2, 4]\n' >space.yaml
study() {
    lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --strategy grid \
        --early_stopping none --epochs 6 --per_device_train_batch_size 2 --final_runs 0 "$@" >/dev/null
}
losses() { # the results of a grid do not depend on who was first
    lorac tune show $1 --json | sed -n '/"runs": \[/,$p' | grep -E '"(learning_rate|lora_r|eval_loss)"' | paste - - - | sort
}
study --out alone --threads 1 || exit
study --out two --threads 1 & one=$!
study --out two --threads 1 & other=$!
wait $one && wait $other || exit
study --out threads --threads 2 --parallel 2 || exit
for s in alone two threads; do losses $s >$s.txt; done
wc -l <alone.txt
cmp alone.txt two.txt && cmp alone.txt threads.txt && echo equal
