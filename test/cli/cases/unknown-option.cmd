lorac train --model x --data y --lerning-rate 1
