# a file made for train serves the other commands: keys they do not have are left alone
cat >run.yaml <<'YAML'
load_in_4bit: true
use_bnb_nested_quant: true
bnb_4bit_quant_type: nf4
lr_scheduler_type: cosine
YAML
lorac data --config run.yaml --model "$MODEL" --data "$DATA/stories.jsonl" --rows 0
lorac info --config run.yaml "$MODEL" | head -2
