lorac train --model "$MODEL" --data "$DATA/empty.jsonl"
