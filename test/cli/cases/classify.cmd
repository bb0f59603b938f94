# A decoder as a classifier: trained, judged, its labels written; what it is not is refused by name.
lorac train --model $MODEL --task_type SEQ_CLS --label_column_name mood --data $DATA/moods.csv --out run --seed 1 \
    --compute f32 --device reference --lora_r 4 --learning_rate 0.01 --num_train_epochs 20 --logging_steps 100 \
    --quiet --json >/dev/null || exit
lorac eval --model $MODEL --adapter run --label_column_name mood --data $DATA/moods.csv --device reference \
    --predictions labels.tsv --quiet
cut -f1,2 labels.tsv
grep -A3 id2label run/config.json
grep -A4 modules_to_save run/adapter_config.json
lorac generate --model $MODEL --adapter run --prompt hello
lorac eval --model $MODEL --adapter run --label_column_name mood --data $DATA/moods.csv --per_token x.tsv
lorac eval --model $MODEL --data $DATA/moods.csv --predictions x.tsv
lorac eval --model $MODEL --adapter run --data $DATA/moods.csv
printf 'text,mood\nhello,odd\n' >odd.csv
lorac eval --model $MODEL --adapter run --label_column_name mood --data odd.csv
lorac train --model $MODEL --data odd.csv --task_type SEQ_CLS --label_column_name mood --eval_split 0.5 --out split
lorac train --model $MODEL --data odd.csv --task_type SEQ_CLS --label_column_name mood --prompt_template '{text}' --out x
lorac train --model $MODEL --data odd.csv --label_column_name mood --out x
# mask s/(tokens|seconds|time).*//
