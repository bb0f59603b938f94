lorac
