lorac bench --help
