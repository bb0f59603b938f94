# Classifiers compared, and searched: held-out rows of the same file, scores with intervals; what they lack is not shown.
TRAIN="--model $MODEL --task_type SEQ_CLS --label_column_name mood --data $DATA/moods.csv --lora_target_modules q_proj
    --eval_split 0.5 --lora_r 2 --learning_rate 0.01 --compute f32 --device reference --quiet"
lorac compare $TRAIN --recipes lora,bf16 --seeds 2 --max_steps 2 --per_device_train_batch_size 2 --out cmp >first || exit
grep -E '^(held-out|accuracy|macro|no difference)' first | sed -E 's/[0-9.]+ [+]- [0-9.]+/N/g; s/ +/ /g'
grep -c 'before training' first
tr -d ' \n' <cmp/lora-42/eval/rows.json | sed -E 's/"loss":\[[^]]*\]/"loss":N/'; echo
rm cmp/bf16-43/eval/eval.json
lorac compare $TRAIN --recipes lora,bf16 --seeds 2 --max_steps 2 --per_device_train_batch_size 2 --out cmp >again || exit
diff first again && echo the same
printf 'learning_rate: [0.01, 0.02]\n' >space.yaml
lorac tune $TRAIN --space space.yaml --budget 2runs --objective eval_accuracy,eval_f1 --early_stopping none \
    --max_steps 2 --final_seeds 0 --out study >/dev/null && grep -o '"eval_f1"' study/study.json | sort -u
lorac tune $TRAIN --space space.yaml --budget 2runs --objective eval_entity_f1 --out other
lorac tune --model $MODEL --data $DATA/moods.csv --space space.yaml --budget 1runs --objective eval_f1 --out other --eval_split 0.5 --quiet
printf 'task_type: [SEQ_CLS]\n' >space.yaml
lorac tune $TRAIN --space space.yaml --budget 2runs --out other
# mask s/tokens.*//
