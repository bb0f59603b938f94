# Recipes of an encoder and a decoder compared, and its settings tuned: each prompt's source reaches every list.
cp -r "$DATA/../../data/model/seq2seq/t5" m || exit
cp "$DATA/letters.json" m/tokenizer.json
echo '{"eos_token": "</s>", "pad_token": "<pad>"}' >m/tokenizer_config.json
rows="--model m --data $DATA/pets.csv --eval-data $DATA/animals-pets.csv --completion_column description --device reference --compute f32"
lorac compare --quiet $rows --prompt_template '{name} the {kind} was' --max_steps 2 --seeds 1 --max_new_tokens 3 --out cmp >/dev/null || exit
grep -h -e '"kl' -e '"loss"' -e same_token cmp/base/nf4*.json | head -5
printf 'learning_rate: {log: [1e-3, 1e-2]}\nlora_r: [2, 4]\n' >space.yaml
lorac tune --quiet $rows --prompt_template '{name} the {kind} was' --space space.yaml --budget 2runs --max_steps 2 --out study >/dev/null && echo tuned
lorac tune --quiet $rows --prompt_template '{name} the {kind} was' --space qlora --budget 1runs --max_steps 2 --final_runs 0 --out ready >/dev/null
grep -h -A4 lora_target_modules ready/runs/0/rung-1/run.json
# mask s/([0-9]\.[0-9]{3})[0-9]+/\1/g
