lorac data --help
