# a reader that is gone before the first byte
mkfifo pipe
{ exec 3<pipe; exec 3<&-; : >gone; } &
exec 4>pipe
while [ ! -f gone ]; do :; done
lorac help train >&4
