# mask s/[0-9.]+ MiB/@SIZE@/g
awk 'BEGIN { printf "{\"text\": \""; for (i = 0; i < 60000; i++) printf "Tom "; print "\"}" }' >long.jsonl
ulimit -v 400000
lorac train --quiet --model "$MODEL" --data long.jsonl --max_length 100000 --max_steps 1 --threads 1 --device cpu:generic --out run
