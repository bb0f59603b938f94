# Dropout of the base: asked for it changes what is learned, the same way twice; a file that does not say is refused.
cp -r "$DATA/../../data/model/seq2seq/t5" m && chmod -R u+w m || exit
cp "$DATA/letters.json" m/tokenizer.json
echo '{"eos_token": "</s>", "pad_token": "<pad>"}' >m/tokenizer_config.json
sed -i 's/"dropout_rate": 0.0/"dropout_rate": 0.2/' m/config.json
run="lorac train --model m --data $DATA/animals.csv --prompt_template {mr} --completion_template {ref} --seed 1
    --compute f32 --max_steps 2 --quiet"
$run --out plain >/dev/null || exit
$run --out drops --base_dropout config --threads 1 >/dev/null || exit
lorac train --config drops/run.json --out again --gradient_checkpointing true --threads 2 --quiet >/dev/null || exit
cmp drops/adapter_model.safetensors again/adapter_model.safetensors && echo equal
cmp -s drops/adapter_model.safetensors plain/adapter_model.safetensors || echo not as without
grep -A 3 '"base_dropout"' again/run.json
sed -i 's/"dropout_rate": 0.2/"dropout_rate": 1.0/' m/config.json
$run --out x --base_dropout config
$run --out x >/dev/null && echo that matters to nobody else
lorac train --model $MODEL --data "$DATA/stories.jsonl" --out y --base_dropout config --quiet
lorac train --model $MODEL --data "$DATA/stories.jsonl" --out y --base_dropout 0.1 --quiet
