# the signal comes once the log has begun
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 1000000 --logging_steps 1 --out run &
while [ ! -s run/log.jsonl ]; do sleep 0.05; done
kill -TERM $!
wait $! >out
status=$?
ls run | sed 's/-[0-9]*$//'
exit $status
