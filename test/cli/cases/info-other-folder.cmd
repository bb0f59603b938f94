# a model folder of an architecture that cannot be trained
# mask s/supported: .*\)/supported: ...)/
mkdir folder
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --lora_target_modules q_proj --save_strategy no --out run >/dev/null || exit
cp run/adapter_model.safetensors folder/model.safetensors
echo '{"model_type": "mamba", "hidden_size": 64, "num_key_value_heads": 1}' >folder/config.json
lorac info folder
lorac eval --model folder --data "$DATA/stories.jsonl"
