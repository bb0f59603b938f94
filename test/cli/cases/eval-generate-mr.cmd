# rows with one prompt are references of one text; synonyms; copies of training texts; a row without a completion
# mask s/"(seconds|tokens_per_second|generation_seconds|generation_tokens_per_second)": [^,]*/"\1": @NUMBER@/; s/(\.[0-9]{4})[0-9]+/\1/
lorac eval --json --model "$MODEL" --data "$DATA/animals.csv" --device cpu:generic --prompt_template 'Once there was {mr}.' \
    --completion-column ref --generate --max_new_tokens 16 --synonyms "$DATA/synonyms.tsv" --train-data "$DATA/animals.csv" || exit
cut -c 1-220 lorac-out/eval.jsonl
