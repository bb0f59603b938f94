# Runs of fewer steps than rungs are judged at every rung.
printf 'lora_r: [2, 4]\n' >space.yaml
lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --budget 2runs \
    --early_stopping median --max_steps 2 --per_device_train_batch_size 2 --device cpu:generic --threads 1 --final_runs 0 \
    --out study --json | grep -c '"eval_loss"'
