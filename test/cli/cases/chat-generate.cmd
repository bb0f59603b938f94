lorac generate -m $MODEL --data $DATA/chat.jsonl --chat_template_path $DATA/chat.jinja --max_new_tokens 4 --compute f32
