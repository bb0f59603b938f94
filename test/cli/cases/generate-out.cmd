lorac generate --model "$MODEL" --data "$DATA/pets.csv" --prompt-template "{name} was a" --max_new_tokens 12 --batch_size 3 --out answers.json --json
head -6 answers.json
grep -c '"text"' answers.json
