lorac eval --model "$MODEL" --data "$DATA/pets.csv"
