printf 'Once upon a time\nand then\n\n/again\n/reset\nOnce upon a time\n' |
    lorac chat -m $MODEL --chat_template_path $DATA/chat.jinja --max_new_tokens 8 --compute f32 --system "Be brief."
