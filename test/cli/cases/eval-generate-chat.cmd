# mask s/"text":"[^"]*","tokens":[0-9]*,"stop":"[a-z]*",.*/@SCORES@/
# Conversations: the last turn of the assistant is the reference, all before it the prompt.
score() { lorac eval --generate -m "$MODEL" --compute f32 --max_new_tokens 4 --quiet --out scores "$@" >out; echo $?; cat scores/eval.jsonl; }
score --data "$DATA/chat.jsonl" --chat_template_path "$DATA/chat.jinja" --train-data "$DATA/chat.jsonl"
grep -E "^(prompts|copies)" out
cat >tools.jinja <<'END'
{% for m in messages %}{{ m.role }}: {{ m.content or '' }}{% for c in m.tool_calls or [] %}<call>{{ c.function.name }} {{ c.function.arguments | tojson }}</call>{% endfor %}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}
END
cat >rows.jsonl <<'END'
{"conversations": [{"from": "human", "value": "Rain?"}, {"from": "function_call", "value": "{\"name\": \"weather\", \"arguments\": {\"day\": 1}}"}]}
{"conversations": [{"from": "human", "value": "Rain?"}, {"from": "function_call", "value": "{\"name\": \"weather\", \"arguments\": {\"day\": 2}}"}]}
{"conversations": [{"from": "human", "value": "Rain?"}, {"from": "gpt", "value": " No. "}, {"from": "human", "value": "Sure?"}]}
{"conversations": [{"from": "human", "value": "Is nobody there?"}]}
END
score --data rows.jsonl --chat_template_path tools.jinja
printf '{"prompt": [{"role": "user", "content": "A"}], "completion": [{"role": "assistant", "content": "B"}], "kind": "B"}\n' >pairs.jsonl
score --data pairs.jsonl --chat_template_path tools.jinja --attribute kind
grep -E "^coverage" out
printf '{"messages": [{"role": "user", "content": "A"}]}\n' >none.jsonl
lorac eval --generate -m "$MODEL" --data none.jsonl --chat_template_path tools.jinja --out none --quiet; echo $?
# of compare and tune, too
printf 'lora_r: [2]\n' >space.yaml
train="-m $MODEL --data $DATA/chat.jsonl --eval-data $DATA/chat.jsonl --chat_template_path $DATA/chat.jinja --max_steps 2 --quiet --max_new_tokens 4"
lorac compare $train --recipes f32,nf4 --seeds 1 --out cmp | grep -c chrF
lorac tune $train --space space.yaml --strategy grid --early_stopping none --objective chrf --out study | grep -c 'chrf'
