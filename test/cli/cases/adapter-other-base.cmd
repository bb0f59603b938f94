lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --save_strategy no --out run >/dev/null || exit
mkdir other
sed 's/"r": 16/"r": 8/' run/adapter_config.json >other/adapter_config.json
cp run/adapter_model.safetensors other
lorac eval --quiet --model "$MODEL" --adapter other --data "$DATA/stories.jsonl"
