# mask s/[0-9.]+ %/@N@ %/; s/^(trained).*/\1/; s/  +/  /g; s/eval_loss.*/@LOSS@/
# What a study says: what mattered first, what to try next, and what lies beyond the space where there is anything.
printf 'learning_rate: [1e-5, 1e-4, 1e-3]\nweight_decay: [0, 0.1, 0.2]\n' >space.yaml
lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --strategy grid \
    --budget 8runs --early_stopping none --max_steps 4 --per_device_train_batch_size 2 --final_runs 0 --threads 1 --device cpu:generic \
    --out study >/dev/null || exit
lorac tune show study
