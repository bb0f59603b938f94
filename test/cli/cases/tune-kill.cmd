# Killed at many moments and begun again, a study ends as one that was never disturbed.
printf 'learning_rate: {log: [1e-3, 1e-2]}\nlora_r: [2, 4]\n' >space.yaml
cat >study.sh <<END
exec lorac tune --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --eval-data "$DATA/stories.jsonl" --space space.yaml \
    --budget 5runs --epochs 24 --per_device_train_batch_size 2 --rungs 3 --final_runs 0 --threads 1 --out \$1 >/dev/null
END
sh study.sh whole || exit
for moment in 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4; do
    sh study.sh killed 2>/dev/null &
    sleep $moment
    kill -9 $! 2>/dev/null && wait $! 2>/dev/null
done
sh study.sh killed || exit
for s in whole killed; do lorac tune show $s --json | grep -E '"(run|state|rung|eval_loss|learning_rate|lora_r|best)"' >$s.txt; done
cmp whole.txt killed.txt && echo equal
grep -c '"eval_loss"' whole.txt
