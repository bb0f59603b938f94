lorac generate --help
