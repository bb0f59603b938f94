echo "{% set a = 1 %}
{{ a|groupby(1) }}" >t.jinja
lorac data -m $MODEL $DATA/chat.jsonl --chat_template_path t.jinja
