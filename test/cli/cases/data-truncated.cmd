lorac data --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name}:" --completion-column description --max_length 8
