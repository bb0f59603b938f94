# the labels are those of the completion: the same rows, positions and ids as `lorac data` shows
options="--quiet --model $MODEL --data $DATA/pets.csv"
set -- --prompt-template 'Tell me about {name} the {kind}:' --completion-template ' {description}'
lorac eval $options --device cpu:generic --per_token tokens.tsv "$@" >/dev/null || exit
cut -f 1-3 tokens.tsv | sed -n '1,4p;$p'
wc -l <tokens.tsv
