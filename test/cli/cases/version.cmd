lorac --version
