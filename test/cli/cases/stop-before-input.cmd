# a signal ends a program that still waits for its input
mkfifo in
lorac generate --model "$MODEL" <in &
pid=$!
exec 3>in
sleep 1
kill -TERM $pid
wait $pid 2>/dev/null
echo $?
