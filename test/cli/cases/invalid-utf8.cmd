# broken UTF-8 in data is an error, or U+FFFD with a note
printf 'text\nOnce upon a caf\351 time\na \377\377 b \342\202\nwhole\n' >d.csv
lorac data --model "$MODEL" --data d.csv --rows 0
lorac data --model "$MODEL" --data d.csv --rows 0 --invalid_utf8 replace
lorac train --model "$MODEL" --data d.csv --invalid_utf8 replace --max_steps 1 --out run --quiet >train.out
grep -A 3 '"invalid_utf8"' run/run.json
lorac generate --model "$MODEL" --data d.csv --prompt-template '{text}' --max_new_tokens 1 --invalid_utf8 replace >texts
lorac data --model "$MODEL" --data d.csv --rows 0 --invalid_utf8 skip
