# what stands at the name of a result and is no plain file stays what it is
ln -s target link
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --per_token link >/dev/null
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --per_token link >/dev/null
mkdir folder && ln -s folder/target other && : >folder/target
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --per_token other >/dev/null
test -L other && cmp other link && ls folder
mkfifo pipe
head -1 pipe &
lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --per_token pipe >/dev/null
wait
test -p pipe && echo pipe
lorac generate --model "$MODEL" --prompt "Once upon a time" --out folder
