lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 2 --out run >/dev/null || exit
rm run/adapter_model.safetensors
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 2 --out run
