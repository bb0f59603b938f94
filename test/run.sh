#!/bin/sh
# run.sh -- runs every test and ends with the line "N passed, N failed".
#
# Test programs are cmocka's (TAP): each assertion group counts. The layer check, the replay of the fuzzers' corpora
# and the command-line cases count as one test each, or as many as they say. BUILD names the build folder.
# LORAC_LONG=1 adds what is slow; LORAC_SHARED and LORAC_MODEL name large reference data where it is.
set -u
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build/release}
export BUILD CMOCKA_MESSAGE_OUTPUT=TAP
. test/report.sh

one() { # a check that is one test
    "$@" >"$log" 2>&1
    status=$?
    if [ $status -eq 0 ]; then report "$name" 1 0 0; else report "$name" 0 1 $status; fi
}

name='includes point down'
one make -s layers

for t in $(find "$BUILD/test" -type f -perm -u+x ! -name '*.o' | sort); do
    # a program whose source is gone is left over from an earlier build
    [ -f "test/${t#"$BUILD/test/"}.c" ] || continue
    timeout 900 "$t" >"$log" 2>&1
    status=$?
    # cmocka writes a skipped test as "not ok N # SKIP name"
    report "${t#"$BUILD/test/"}" "$(grep -c '^ok ' "$log")" "$(grep '^not ok ' "$log" | grep -vc '# SKIP')" $status
done

for f in "$BUILD"/replay/*; do
    target=$(basename "$f")
    [ -f "fuzz/$target.c" ] && [ -d "fuzz/corpus/${target#fuzz_}" ] || continue
    name="replay ${target#fuzz_}"
    one "$f" "fuzz/corpus/${target#fuzz_}"
done

if [ -x test/cli/run.sh ]; then
    ./test/cli/run.sh >"$log" 2>&1
    status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
    p=$(echo "$line" | sed 's/ passed.*//') f=$(echo "$line" | sed 's/.*, \([0-9]*\) failed.*/\1/')
    report 'command line' "${p:-0}" "${f:-1}" $status
fi

if [ -x "$BUILD/embed" ] && [ -f test/data/models/stories260k/stories260K.gguf ]; then
    name='examples/embed'
    one "$BUILD/embed" test/data/models/stories260k/stories260K.gguf
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
