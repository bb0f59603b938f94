lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --lora_target_modules q_proj query_proj
