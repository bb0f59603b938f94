printf 'learning_rate: 1e-3\nlora_rank: 4\n' >recipe.yaml
lorac train --model "$MODEL" --data "$DATA/stories.jsonl" --config recipe.yaml
