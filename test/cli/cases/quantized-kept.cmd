# Quantized weights are kept for the next command, which is no other for that; what cannot be kept is told.
judge() { lorac eval --model "$MODEL" --data "$DATA/stories.jsonl" --quantization nf4 --device cpu:generic --json "$@" >all; echo $?; grep -E '"(loss|perplexity|token_accuracy)"' all >$out; }
out=plain; judge --cache_dir none
out=auto; judge # too small to be kept without being asked
ls "$XDG_CACHE_HOME" 2>/dev/null
out=first; judge --cache_dir kept
out=second; judge --cache_dir kept
cmp plain auto && cmp plain first && cmp plain second && echo equal
ls kept | sed 's/-[0-9a-f]*\./-KEY./'
head -c 4000 kept/*.weights >part && cat part >"$(echo kept/*.weights)"
out=third; judge --cache_dir kept 2>err; sed 's/-[0-9a-f]*\./-KEY./' err
cmp plain third && echo equal
: >file
out=fourth; judge --cache_dir file/folder
out=fifth; judge --cache_dir kept --cache_limit 3
out=sixth; judge --cache_dir other --cache_limit 1MiB --quantization f16
ls other 2>/dev/null
# train, compare and tune take the same file
printf 'quantization: [nf4]\n' >space.yaml
train="--model $MODEL --data $DATA/stories.jsonl --max_steps 2 --quiet --cache_dir kept"
before=$(stat -c %i kept/*.weights)
lorac train $train --quantization nf4 --out run >/dev/null; echo $?
lorac compare $train --eval-data "$DATA/stories.jsonl" --recipes f32,nf4+dq --seeds 1 --out cmp >/dev/null; echo $?
lorac tune $train --eval-data "$DATA/stories.jsonl" --space space.yaml --strategy grid --final_runs 0 --out study >/dev/null; echo $?
[ "$before" = "$(stat -c %i kept/*.weights)" ] && echo the same file
grep -q cache study/best.yaml || echo no part of a recipe
