mkfifo pipe
{ exec 3<pipe; exec 3<&-; : >gone; } &
exec 4>pipe
while [ ! -f gone ]; do :; done
lorac generate --model "$MODEL" --prompt "Once upon a time" >&4
