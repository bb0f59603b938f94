# a pipe that nobody writes to is refused, not waited for
mkfifo pipe
timeout -k 1 20 lorac info pipe
