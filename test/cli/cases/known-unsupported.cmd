lorac train --model x --data y --optim adafactor
