lorac eval --generate -m $MODEL --data $DATA/chat.jsonl --chat_template_path $DATA/chat.jinja --out scores
