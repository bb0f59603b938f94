# columns of the template are attributes, --attribute names fewer; both files are written
set -- --quiet --model "$MODEL" --data "$DATA/pets.csv" --device cpu:generic --completion-column description --generate
lorac eval "$@" --prompt_template '{name} the {kind} was' --max_new_tokens 24 --out scores || exit
ls scores
cut -c 1-110 scores/eval.jsonl
grep -c '"verdict":"realized"' scores/eval.jsonl
lorac eval "$@" --prompt_template '{name} the {kind} was' --max_new_tokens 24 --attribute kind | sed '1,/^attribute/d'
# a column that is part of the completion is no attribute
lorac eval --quiet --model "$MODEL" --data "$DATA/pets.csv" --device cpu:generic --generate --max_new_tokens 8 \
    --prompt_template '{name} the {kind} was' --completion_template ' {name}: {description}' | sed '1,/^attribute/d'
