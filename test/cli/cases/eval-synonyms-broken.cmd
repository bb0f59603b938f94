lorac eval --model "$MODEL" --data "$DATA/pets.csv" --prompt_template "{name} was" --completion-column description --quiet --generate --synonyms "$DATA/pets.csv"
