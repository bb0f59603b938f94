lorac help
