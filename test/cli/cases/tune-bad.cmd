say() { printf "$1\n" >space.yaml; }
tune() { lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --space space.yaml --budget 2runs --out study "$@"; echo $?; }
say 'lora_rr: [1]';                       tune
say 'lora_r: {int: [8, 4]}';              tune
say 'seed: [1, 2]';                       tune
say 'lr: [1e-3]\nlearning_rate: [1e-3]';  tune
say 'lora_dropout: {range: [0, 2]}';      tune
say 'lora_alpha: [8]\nalpha_ratio: [2]';  tune
say 'lr_scheduler_type: [linear, cosine]'; tune
say 'learning_rate: [1e-3]'
tune --objective loss
tune --objective chrf --judge eval_loss
tune --lr_scheduler_type cosine
tune --lr_scheduler_kwargs '{"num_decay_steps": 1}'
tune --budget 7
tune --max_memory 3
head -1 "$DATA/stories.jsonl" >one.jsonl
tune --eval-data one.jsonl
tune --eval-data "$DATA/stories.jsonl" --objective chrf
tune --eval-data "$DATA/stories.jsonl" --epochs 1 --final_runs 0 >/dev/null
tune --eval-data "$DATA/stories.jsonl" --epochs 1 --final_runs 0 --max_new_tokens 9
tune --eval-data "$DATA/stories.jsonl" --epochs 1 --final_runs 0 --attribute name
say 'learning_rate: [2e-3]'
tune --eval-data "$DATA/stories.jsonl" --epochs 1
echo 'this is no database, whatever its name says; not even nearly' >study/study.db
rm -f study/study.db-*
tune --eval-data "$DATA/stories.jsonl" --epochs 1
lorac tune show study; echo $?
lorac tune show nowhere; echo $?
