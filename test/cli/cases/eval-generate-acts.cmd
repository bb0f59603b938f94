# dialogue acts of a JSON array of arrays, below a comment: their values are attributes, those that do not matter are not
lorac eval --quiet --model "$MODEL" --data "$DATA/acts.json" --device cpu:generic --prompt_template '{1}' --completion_column 2 \
    --generate --max_new_tokens 8 --out scores | sed '1,/^attribute/d'
grep -o '"slots":.*' scores/eval.jsonl
