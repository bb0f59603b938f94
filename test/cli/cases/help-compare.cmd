lorac compare --help
