lorac train --help
