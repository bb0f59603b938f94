head -2 "$DATA/animals-pets.csv" >one.csv
lorac compare --quiet --model "$MODEL" --data "$DATA/pets.csv" --eval-data one.csv --prompt_template '{name} the {kind} was' \
    --completion-column description --out cmp
