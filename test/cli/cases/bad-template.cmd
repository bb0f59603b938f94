lorac data --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name" --completion-column description
