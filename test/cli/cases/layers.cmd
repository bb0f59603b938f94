# layers_to_transform narrows the default, all-linear, and PEFT's file says so; a layer that is not there is an error
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --layers_to_transform 1,3 --out run >/dev/null || exit
lorac info run/checkpoint-1
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1 --layers_to_transform 1,5 --out other
