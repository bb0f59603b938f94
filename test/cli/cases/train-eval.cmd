# mask s/"(seconds|tokens_per_second|speed_of_light|peak_bytes|temporaries|total)": [^,]*/"\1": @NUMBER@/; s/(\.[0-9]{3})[0-9]+/\1/; s/^(memory|expected|device).*/\1/; s/  [0-9,]+ tokens\/s.*//
lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --num_train_epochs 2 --learning_rate 1e-3 \
    --warmup_steps 0 --warmup_ratio 0 --per_device_train_batch_size 2 --logging_steps 1 --save_strategy no --device cpu:generic --out run --json
