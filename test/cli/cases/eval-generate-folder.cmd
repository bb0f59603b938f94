# found out before anything is computed
: >taken
lorac eval --quiet --model "$MODEL" --data "$DATA/pets.csv" --prompt_template "{name} was" --completion-column description --generate --out taken
