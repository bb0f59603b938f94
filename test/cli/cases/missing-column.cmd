lorac train --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name}" --completion-column descripton
