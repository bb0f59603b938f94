# told before the work: neither run.json nor the adapter's configuration could hold it
lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --out "$(printf 'run\377')"
lorac generate --model "$MODEL" --prompt "$(printf 'Once \377')"
ls
