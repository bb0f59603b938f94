# eval.json without texts, only when a folder is named
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --device cpu:generic >/dev/null && ls
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --device cpu:generic --out here >/dev/null && ls here
grep rows here/eval.json
