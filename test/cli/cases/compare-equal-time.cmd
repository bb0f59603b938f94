# as many steps as fit the time of the first recipe, told and kept to; the same command measures no more
set -- --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
    --completion-column description --max_steps 4 --learning_rate 1e-3 --per_device_train_batch_size 2 --seeds 1 --equal_time \
    --device cpu:generic --max_new_tokens 4 --out cmp
lorac compare "$@" 2>notes >/dev/null || exit
grep -c 'equal time: q*lora trains [1-9][0-9]* steps' notes
grep -c 'equal time: lora trains 4 steps' notes
steps=$(sed -n 's/.*equal time: qlora trains \([0-9]*\) steps.*/\1/p' notes)
grep -q "\"steps\": $steps," cmp/compare.json && echo kept
ls -A cmp | grep -c pace
lorac compare "$@" 2>notes >/dev/null || exit
grep -c 'equal time\|training' notes
grep -A1 '"max_steps": {' cmp/qlora-42/run.json | grep -c "\"value\": $steps,"
