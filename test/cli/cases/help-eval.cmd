lorac eval --help
