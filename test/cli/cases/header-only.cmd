lorac train --model "$MODEL" --data "$DATA/header.csv" --completion-column description --prompt-template "{name}"
