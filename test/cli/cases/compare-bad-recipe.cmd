printf 'lora_r: 8\nlearning_rat: 1e-4\n' >a.yaml
printf 'lora_r: 16\nnum_train_epochs: 5\n' >b.yaml
common() { lorac compare --quiet --model "$MODEL" --data "$DATA/pets.csv" --prompt_template '{name}' --completion-column description --out cmp "$@"; }
common --recipes lora a.yaml
common --recipes lora,b.yaml
common --recipes lora,nf5
common --recipes lora,missing.yaml
common --recipes lora
common --recipes lora,lora
common --quantization nf4
common --resume latest
printf 'quantization: nf4\nlearning_rate: 1e-4\n' >c.yaml
printf 'quantization: nf4\ndouble_quant: true\n' >d.yaml
common --recipes qlora,c.yaml --learning_rate 1e-3
common --recipes c.yaml,qlora --learning_rate 1e-4
common --recipes qlora,d.yaml
