# mount
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --lora_r 64 --out disk/run
status=$?
ls disk/run
exit $status
