lorac tune --help
