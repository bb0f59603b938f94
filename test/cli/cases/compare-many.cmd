# mask s/([0-9]\.[0-9]{2})[0-9]+/\1/g; s/^([a-z0-9+-]+( +[0-9.]+){3})( +[0-9.]+){4}/\1 @TIMES@/; s/(to loss: seconds to).*(, which)/\1 @LOSS@\2/; s/^(speed: ).*/\1@WORDS@/; s/  +/  /g
# More recipes than columns fit are rows; a type is spoken of once.
printf 'quantization: nf4\nlora_r: 4\n' >small.yaml
lorac compare --quiet --model "$MODEL" --data "$DATA/pets.csv" --eval-data "$DATA/animals-pets.csv" --prompt_template '{name} the {kind} was' \
    --completion-column description --max_steps 1 --seeds 1 --device cpu:generic --generate_rows -1 --out cmp --recipes lora,qlora,small.yaml,bf16,fp4
