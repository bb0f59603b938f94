# What a rung is judged by is, to the bit, what `lorac train` makes of the same options.
printf 'learning_rate: {log: [1e-3, 1e-2]}\nlora_r: [2, 4]\n' >space.yaml
lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --budget 4runs \
    --epochs 24 --per_device_train_batch_size 2 --rungs 3 --final_runs 0 --threads 1 --out study >/dev/null || exit
ls study study/runs/0 study/runs/0/rung-3
lorac train --quiet --config study/runs/0/rung-3/run.json --out again >/dev/null || exit
cmp again/adapter_model.safetensors study/runs/0/rung-3/adapter_model.safetensors && echo equal
lorac train --quiet --config study/best.yaml --threads 1 --out best --json | grep '"eval_loss"' >a
lorac tune show study --json | sed -n '/"runs": \[/,$p' | grep '"eval_loss"' | sort | head -1 >b
sed 's/^ *//' a b | uniq | wc -l
