lorac eval --model "$MODEL" --data nowhere.csv
