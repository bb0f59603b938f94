# the same seed, the same text; another seed, another
for seed in 1 1 2; do
    lorac generate --model "$MODEL" --prompt "Once upon a time" --max_new_tokens 24 --do_sample --seed $seed >text.$seed.$((n = ${n:-0} + 1))
done
cmp text.1.1 text.1.2 && echo same
cmp -s text.1.1 text.2.3 || echo other
