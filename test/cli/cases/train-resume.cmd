common="--quiet --model $MODEL --data $DATA/stories.jsonl --max_steps 6 --save_steps 3 --per_device_train_batch_size 1"
lorac train $common --out whole >/dev/null || exit
lorac train $common --out part >/dev/null || exit
rm -r part/checkpoint-6 part/adapter_model.safetensors
lorac train $common --out part --resume_from_checkpoint latest >/dev/null || exit
cmp whole/adapter_model.safetensors part/adapter_model.safetensors && echo equal
