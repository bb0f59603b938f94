# mask s/([0-9]\.[0-9]{2})[0-9]+/\1/g
# The judging at the end is made on held-out rows that the search never saw, where there are enough of them.
i=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    printf '{"prompt": "Say %d.", "completion": " It is %d, he said."}\n' $((i % 20)) $i
done >held.jsonl
printf 'learning_rate: [1e-3, 1e-2]\n' >space.yaml
tune() {
    lorac tune --model "$MODEL" --data held.jsonl --eval-data held.jsonl --space space.yaml --strategy grid \
        --early_stopping none --max_steps 4 --per_device_train_batch_size 2 --final_runs 2 --final_seeds 2 --max_new_tokens 4 \
        --device cpu:generic --threads 1 "$@" 2>err >out
    status=$?
    grep -E 'held-out prompts|study was begun|a study goes' err
    [ $status = 0 ] || { echo $status; return; }
    grep -E '^judged on' out
}
tune --out study
grep -A 4 '"held_out"' study/study.json
tune --out study # nothing is left to do
tune --out study --judge_split 0.25
tune --out whole --judge_split 0
tune --out whole
tune --out search --final_runs 0
tune --out search
head -12 held.jsonl >few.jsonl
tune --out few --eval-data few.jsonl
