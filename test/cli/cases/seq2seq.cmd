# An encoder and a decoder: what it learns, trained, judged, asked; what it is not is refused by name.
cp -r "$DATA/../../data/model/seq2seq/t5" m || exit
cp "$DATA/letters.json" m/tokenizer.json
echo '{"eos_token": "</s>", "pad_token": "<pad>"}' >m/tokenizer_config.json
rows="--model m --data $DATA/animals.csv --prompt_template {mr} --completion_template {ref} --device reference --compute f32"
lorac info m | grep -e architecture -e layers
lorac data ${rows%--device*} --rows 2
lorac train $rows --out run --seed 1 --num_train_epochs 2 --learning_rate 0.01 --gradient_checkpointing true --quiet \
    --logging_steps 100 >/dev/null || exit
grep -A3 -e target_modules -e task_type run/adapter_config.json
grep -A5 lora_target_modules run/run.json
grep pipeline_tag run/README.md
lorac eval $rows --adapter run --quiet
lorac eval $rows --adapter run --quiet --per_token labels.tsv >/dev/null && head -3 labels.tsv
lorac train $rows --out run --seed 1 --num_train_epochs 2 --learning_rate 0.01 --resume_from_checkpoint latest \
    --prompt_template 'of {mr}' --quiet
lorac train $rows --out nf4 --quantization nf4 --max_steps 1 --lora_target_modules all-linear --quiet >/dev/null || exit
lorac generate --model m --prompt "a cat" --adapter nf4 --quantization nf4 --max_new_tokens 3 --quiet >/dev/null && echo generated
lorac train $rows --out x --packing true
lorac train $rows --out x --task_type CAUSAL_LM
lorac train --model m --data "$DATA/moods.csv" --out x --task_type SEQ_CLS --label_column_name mood
lorac train $rows --out x --completion_only_loss false
lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --out x --task_type SEQ_2_SEQ_LM
lorac chat --model m
lorac bench --model m
# mask s/(seconds|time) .*//
