# mask s/([0-9]\.[0-9]{3})[0-9]+/\1/g
set -- --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --max_steps 3 --device cpu:generic
lorac train "$@" --out runs/one >/dev/null && lorac train "$@" --lora_r 4 --out runs/two >/dev/null
lorac report runs --csv | cut -d, -f1-6
lorac report runs/one runs/two --plot --out page | sed 's/[0-9.]*[0-9]//g; s/ *$//' | head -3
ls page runs
grep -c '<svg' runs/report.html
grep -o 'http[s]*://[^" ]*' runs/report.html
grep -o 'lorac train .*--lora_r 4.*</code>' runs/report.html | sed 's/--model_name_or_path [^ ]*//'
