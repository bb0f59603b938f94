# mask s/[0-9.]+ MiB/@SIZE@/g
# a step of more than a terabyte
lorac bench --quiet --tokens 1048576 --steps 1 --threads 1 --device cpu:generic
