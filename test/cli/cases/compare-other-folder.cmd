common() { lorac compare --quiet --model "$MODEL" --data "$1" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
    --completion-column description --max_steps 2 --seeds 1 --generate_rows -1 --recipes nf4,fp4 "--out=$2" $3; }
mkdir full && touch full/notes.txt
common "$DATA/pets.csv" full
common "$DATA/pets.csv" cmp >/dev/null && common "$DATA/animals-pets.csv" cmp
common "$DATA/pets.csv" cmp --lora_r=4
touch file
common "$DATA/pets.csv" file
