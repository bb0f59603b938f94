# mask s/step [0-9]+ of/step @N@ of/; s/checkpoint-[0-9]+/checkpoint-@N@/
# the signal comes once the log has begun
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1000000 --logging_steps 1 --out run >out &
while [ ! -s run/log.jsonl ]; do sleep 0.05; done
kill -TERM $!
wait $!
status=$?
cut -d' ' -f1 out
ls run | sed 's/-[0-9]*$//'
exit $status
