# killed at any moment, the same command goes on: the same adapters, losses and texts as without
set -- --quiet --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" \
    --prompt_template '{name} the {kind} was' --completion-column description --max_steps 60 --save_steps 1 \
    --learning_rate 1e-3 --per_device_train_batch_size 2 --seeds 1 --device cpu:generic --max_new_tokens 8
lorac compare "$@" --out whole >/dev/null || exit
for sign in lora-42/checkpoint-7 lora-42/eval/rows.json qlora-42/run.json; do
    lorac compare "$@" --out killed >/dev/null &
    until [ -e "killed/$sign" ] || ! kill -0 $! 2>/dev/null; do :; done
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    [ -e killed/qlora-42/eval/eval.json ] && echo "too late"
done
lorac compare "$@" --out killed >/dev/null || exit
for f in lora-42/adapter_model.safetensors qlora-42/adapter_model.safetensors lora-42/eval/rows.json qlora-42/eval/eval.jsonl; do
    cmp "whole/$f" "killed/$f" && echo "$f"
done
