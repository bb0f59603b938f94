# What computes is an option of each recipe; on the command line it holds for all of them, as the others do.
printf 'compute: f32\n' >floats.yaml
printf 'compute: i16\n' >whole.yaml
printf 'lora_r: 4\n' >small.yaml
compare() {
    lorac compare --quiet --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
        --completion-column description --max_steps 2 --seeds 1 --generate_rows -1 --threads 1 "$@" >/dev/null; echo $?
}
tell() { grep -A 1 -E '"(compute|gradient_checkpointing)"' "$@" | grep value | sed 's/ *"value"//'; }
compare --out own --recipes floats.yaml,whole.yaml
tell own/floats-42/run.json own/whole-42/run.json
cmp -s own/floats-42/adapter_model.safetensors own/whole-42/adapter_model.safetensors || echo they differ
compare --out all --recipes lora,small.yaml --compute f32 --gradient_checkpointing
tell all/lora-42/run.json all/small-42/run.json
# and of a study's runs
printf 'lora_r: [2]\n' >space.yaml
lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml --strategy grid \
    --early_stopping none --max_steps 2 --final_runs 0 --threads 1 --compute i16 --gradient_checkpointing --out study >/dev/null || exit
tell study/runs/0/run/run.json
