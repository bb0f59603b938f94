# mask s/[0-9.,:]+( s)?, [0-9.,]+ tokens\/s, [0-9]+ % of this machine.s float peak/@TIME@/; s/^(memory +).*/\1@SIZE@/; s/  [0-9,]+ tokens\/s(  [0-9]+ % of float peak)?$//; s/^(expected|memory|device|weights)( .*)/\1/
for what in "" --overwrite_output_dir; do
    lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 2 --save_strategy no --out run $what >/dev/null || exit
done
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --max_steps 2 --out run
