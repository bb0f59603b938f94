# mask s/[0-9]+\.[0-9]+/@N@/g; s/ +@N@/ @N@/g; s/^(processor|device|temporaries) .*/\1/
lorac bench --model "$MODEL" --tokens 64 --steps 1
