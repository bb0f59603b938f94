lorac train --data x
