lorac train --compute f32 --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 60 --learning_rate 1e-2 --save_strategy no --out run >/dev/null || exit
lorac generate --compute f32 --model "$MODEL" --adapter run --prompt "Tim and Sue" --max_new_tokens 32
