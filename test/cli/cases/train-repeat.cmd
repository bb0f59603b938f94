# mask s/[0-9.,:]+( s)?, [0-9.,]+ tokens\/s, [0-9]+ % of this machine.s float peak/@TIME@/; s/^(memory +).*/\1@SIZE@/; s/  [0-9,]+ tokens\/s(  [0-9]+ % of float peak)?$//; s/^(expected|memory|device|weights)( .*)/\1/
sed "s#MODEL#$MODEL#" "$DATA/recipe.yaml" >recipe.yaml
lorac train --config recipe.yaml --data "$DATA/stories.jsonl" --out run --quiet --device cpu:generic
lorac train --config run/run.json --out again --quiet
cmp run/adapter_model.safetensors again/adapter_model.safetensors && echo equal
lorac info run | grep -v -e fingerprint -e base -e machine -e "^path" -e "^run"
lorac train --config run/run.json --out other --quiet --device cpu >/dev/null
grep -A 3 '"compute"' other/run.json | grep -o -E 'auto|f32|i16'
