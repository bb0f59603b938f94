printf '/base\n/nonsense\n/help\n/system You are a cat.\nHello\n/quit\nnever said\n' |
    lorac chat -m $MODEL --chat_template_path $DATA/chat.jinja --max_new_tokens 4 --compute f32
