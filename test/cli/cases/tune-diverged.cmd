# A study none of whose runs was judged comes to its end, with their tokens counted and a page of its words.
printf 'learning_rate: {log: [1e2, 1e4]}\n' >space.yaml
lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --budget 3runs \
    --early_stopping none --learning_rate 1e3 --max_steps 16 --per_device_train_batch_size 2 --device cpu:generic --threads 1 \
    --final_runs 0 --out study >out || exit
grep -E '^(runs|report)' out
grep -c '^trained  *[1-9]' out
grep -o '<li>A study of 3 runs, [1-9]' study/report.html
