lorac info --help
