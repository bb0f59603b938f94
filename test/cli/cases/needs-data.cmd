lorac train --model "$MODEL"
