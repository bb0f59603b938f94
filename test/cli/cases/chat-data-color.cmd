lorac data -m $MODEL $DATA/chat.jsonl --chat_template_path $DATA/chat.jinja --assistant_only_loss --row 1 --color always
