echo x >run
lorac train --quiet --model "$MODEL" --data "$DATA/stories.jsonl" --out run
