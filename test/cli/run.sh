#!/bin/sh
# run.sh -- runs the program as its users do and compares what it prints, to the byte.
#
#   test/cli/run.sh [--update] [NAME...]
#
# A case is cases/NAME.cmd, a script for sh in which `lorac` is the program; next to it lie NAME.out and NAME.err
# (absent: empty) and NAME.status (absent: 0). Each case runs in an empty folder of its own; $DATA is test/cli/data,
# $MODEL the bundled model of 260 thousand parameters. `# needs root` in the script skips the case, aloud, for
# anybody else; `# mount` gives it a file system of 256 KiB at ./disk, and skips it where none can be mounted.
#
# What differs from run to run is masked before the comparison: the case's folder becomes @DIR@, that of the data
# @DATA@, and the program of `sed -E` in a line `# mask PROGRAM` of the script is applied to both streams. --update
# writes what came out as what is expected.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
BUILD=${BUILD:-build/release}
case $BUILD in /*) bin=$BUILD ;; *) bin=$root/$BUILD ;; esac
update=no
[ "${1:-}" = --update ] && { update=yes; shift; }
[ -x "$bin/lorac" ] || { echo "$bin/lorac is not there; build it first"; echo "0 passed, 1 failed"; exit 1; }

work=$(mktemp -d)
trap 'umount "$work"/*/disk 2>/dev/null; chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work/bin" && ln -s "$bin/lorac" "$work/bin/lorac"
PATH=$work/bin:$PATH
DATA=$here/data MODEL=$root/test/data/models/stories260k/stories260K.gguf
export PATH DATA MODEL
export LC_ALL=C TERM=dumb COLUMNS=80
XDG_CACHE_HOME=$work/cache; export XDG_CACHE_HOME # what a case keeps is none of the user's
unset NO_COLOR

passed=0 failed=0
mask() { # file, case's folder, script
    sed -E -e "s#$2#@DIR@#g; s#$here/data#@DATA@#g; s#$root/test/data/models/stories260k#@MODELS@#g" \
        -e "$(sed -n 's/^# mask //p' "$3")" "$1"
}
expect() { # file: its text, or nothing
    if [ -f "$1" ]; then cat "$1"; fi
}
keep() { # produced, expected
    if [ -s "$1" ]; then cp "$1" "$2"; else rm -f "$2"; fi
}

one() { # script
    name=$(basename "$1" .cmd)
    dir=$work/$name
    mkdir "$dir"
    if grep -q '^# needs root' "$1" && [ "$(id -u)" -ne 0 ]; then echo "skip $name: needs root"; return; fi
    if grep -q '^# mount' "$1"; then
        mkdir "$dir/disk"
        mount -t tmpfs -o size=256k none "$dir/disk" 2>/dev/null || { echo "skip $name: cannot mount"; return; }
    fi
    (cd "$dir" && sh "$1" >"$work/o" 2>"$work/e" </dev/null; echo $? >"$work/s")
    umount "$dir/disk" 2>/dev/null
    mask "$work/o" "$dir" "$1" >"$work/out"
    mask "$work/e" "$dir" "$1" >"$work/err"
    [ "$(cat "$work/s")" = 0 ] && : >"$work/status" || cp "$work/s" "$work/status"
    base=${1%.cmd} bad=no
    for part in out err status; do
        if [ $update = yes ]; then keep "$work/$part" "$base.$part"; continue; fi
        expect "$base.$part" >"$work/want"
        cmp -s "$work/want" "$work/$part" && continue
        [ $bad = yes ] || echo "FAILED $name"
        bad=yes
        diff -u --label "$name.$part expected" --label "$name.$part" "$work/want" "$work/$part" | head -40
    done
    if [ $bad = yes ]; then failed=$((failed + 1)); else passed=$((passed + 1)); fi
}

if [ $# -gt 0 ]; then
    for name; do one "$here/cases/$name.cmd"; done
else
    for script in "$here"/cases/*.cmd; do one "$script"; done
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
