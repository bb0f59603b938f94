lorac train -m $MODEL --data $DATA/chat.jsonl --chat_template_path $DATA/chat.jinja --assistant_only_loss --max_steps 2 --out run --compute f32 --quiet --json >result
grep -c loss run/log.jsonl
tr ',' '\n' <result | grep -E '"(steps|tokens|label_tokens)"'
grep -A 1 -E '"(assistant_only_loss|chat_template_path)"' run/run.json | grep -v -- --
