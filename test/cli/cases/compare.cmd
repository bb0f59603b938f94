# mask s/(tokens\/s|seconds.*) +[0-9.]+ +[0-9.]+$/\1 @NUMBERS@/; s/^(speed: ).*/\1@WORDS@/; s/^(peak memory, MiB|  temporaries) .*/\1/; s/([0-9]\.[0-9]{2})[0-9]+/\1/g; s/  +/  /g
lorac compare --quiet --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
    --completion-column description --max_steps 4 --learning_rate 1e-2 --per_device_train_batch_size 2 --seeds 2 \
    --device cpu:generic --max_new_tokens 12 --out cmp
echo
find cmp -type f | LC_ALL=C sort
# another seed and recipe are added to what is there
lorac compare --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
    --completion-column description --max_steps 4 --learning_rate 1e-2 --per_device_train_batch_size 2 --seeds 3 --recipes lora,qlora,fp4+dq \
    --device cpu:generic --max_new_tokens 12 --out cmp 2>&1 >/dev/null | grep training
lorac report cmp --csv | cut -d, -f1-3
