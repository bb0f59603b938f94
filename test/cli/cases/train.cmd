# mask s/[0-9.,:]+( s)?, [0-9.,]+ tokens\/s, [0-9]+ % of this machine.s float peak/@TIME@/; s/^(memory +).*/\1@SIZE@/; s/  [0-9,]+ tokens\/s(  [0-9]+ % of float peak)?$//; s/^(expected|memory|device|weights)( .*)/\1/
lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 4 --logging_steps 2 --warmup_ratio 0 --learning_rate 1e-3 --device cpu:generic --out run
status=$?
ls run
exit $status
