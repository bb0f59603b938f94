lorac help >/dev/full
