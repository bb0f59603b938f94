lorac data -m $MODEL $DATA/chat-late-system.jsonl --chat_template_path $DATA/chat.jinja
