#!/bin/sh
# layers.sh ["LAYERS"] -- an #include may only point down: a folder of src/ sees itself and the folders before it.
set -eu
layers=${1:-$(sed -n 's/^LAYERS *= *//p' "$(dirname "$0")/../Makefile")}
bad=$(grep -rHno '^#include "[a-z_0-9]*/' src --include='*.c' --include='*.h' |
    awk -v order="$layers" '
        BEGIN { n = split(order, o, " "); for (i = 1; i <= n; i++) rank[o[i]] = i }
        {
            split($0, f, ":"); split(f[1], d, "/"); match($0, /"[a-z_0-9]*\//); t = substr($0, RSTART + 1, RLENGTH - 2)
            if (!(d[2] in rank)) print f[1] ":" f[2] ": " d[2] " is no layer"
            else if (!(t in rank)) print f[1] ":" f[2] ": includes \"" t "/\", which is no layer"
            else if (rank[t] > rank[d[2]]) print f[1] ":" f[2] ": " d[2] " may not include " t
        }')
[ -z "$bad" ] || { echo "$bad"; exit 1; }
