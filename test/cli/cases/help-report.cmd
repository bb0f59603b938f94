lorac report --help
