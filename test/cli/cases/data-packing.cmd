lorac data --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name}:" --completion-template " {description}" --packing --max_length 64 --rows 0
lorac data --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name}:" --completion-template " {description}" --packing --max_length 64 --rows 0 --json | grep -e batches -e filled
