lorac eval --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --device cpu:generic --per_token tokens.tsv >/dev/null || exit
wc -l <tokens.tsv
head -5 tokens.tsv | sed -E 's/(\.[0-9]{4})[0-9]+/\1/'
# their mean is the loss
awk 'NR > 1 { s += $4; n++ } END { printf "%.4f over %d\n", s / n, n }' tokens.tsv
