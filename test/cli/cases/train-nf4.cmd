# the bitsandbytes spelling of a quantized base, and PEFT's of a few modules
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --load_in_4bit --bnb_4bit_quant_type nf4 --lora_target_modules '.*\.(q|v)_proj' \
    --max_steps 2 --save_strategy no --out run >/dev/null || exit
grep -A2 '"quantization"' run/run.json
grep target_modules run/adapter_config.json
