#!/bin/sh
# mutate.sh -- do the tests see what they are there to see? Breaks one line at a time and runs them.
#
#     scripts/mutate.sh [WORD]      only the lines of test/mutations.txt that contain WORD
#
# Each line there is FILE|SED EXPRESSION|TESTS: the sed expression breaks the file, and at least one of TESTS
# has to fail then. TESTS are programs under the folder test/ of the build ("grad/test_op"), or one word: cli
# for the cases of the command line, check for everything. The work is done on a copy of the tree, in
# build/mutate. The exit status is 1 when a breakage is missed, changes nothing or does not compile, or when a
# test fails on the tree as it is.
set -u
cd "$(dirname "$0")/.." || exit 1
list=test/mutations.txt word=${1:-}
tree=build/mutate/tree log=build/mutate/log
rm -rf "$tree"
mkdir -p "$tree"
tar cf - --exclude=./build --exclude=./.git . | tar xf - -C "$tree" || exit 1

build() { # the named tests, in the copy
    if [ "$1" = check ]; then
        make -s -C "$tree" -j2 BUILD=out CFLAGS='-O1 -g' all tests >"$log" 2>&1
    elif [ "$1" = cli ]; then
        make -s -C "$tree" -j2 BUILD=out CFLAGS='-O1 -g' all >"$log" 2>&1
    else
        # shellcheck disable=SC2046
        make -s -C "$tree" -j2 BUILD=out CFLAGS='-O1 -g' $(printf 'out/test/%s ' $1) >"$log" 2>&1
    fi
}

pass() { # do the named tests pass, in the copy?
    if [ "$1" = check ]; then
        (cd "$tree" && BUILD=out timeout 1200 test/run.sh) >"$log" 2>&1
        return
    fi
    if [ "$1" = cli ]; then
        (cd "$tree" && BUILD=out timeout 300 test/cli/run.sh) >"$log" 2>&1
        return
    fi
    for t in $1; do
        (cd "$tree" && timeout 120 "out/test/$t" || exit 1) >"$log" 2>&1 || return 1
    done
}

lines() { grep -v -e '^#' -e '^$' "$list" | grep -F -e "$word"; }

lines | cut -d'|' -f3 | sort -u >build/mutate/tests
while read -r tests; do
    if ! build "$tests" || ! pass "$tests"; then
        echo "$tests fails without any breakage:"
        tail -5 "$log"
        exit 1
    fi
done <build/mutate/tests

caught=0 missed=0 wrong=0
lines >build/mutate/lines
while IFS='|' read -r file expression tests; do
    sed -i -e "$expression" "$tree/$file"
    if cmp -s "$file" "$tree/$file"; then
        wrong=$((wrong + 1))
        echo "CHANGES NOTHING  $file  $expression"
    elif ! build "$tests"; then
        wrong=$((wrong + 1))
        echo "DOES NOT COMPILE $file  $expression"
    elif pass "$tests"; then
        missed=$((missed + 1))
        echo "MISSED           $file  $expression  ($tests)"
    else
        caught=$((caught + 1))
    fi
    cp "$file" "$tree/$file"
done <build/mutate/lines

echo "$caught breakages caught, $missed missed, $wrong wrong"
[ $((missed + wrong)) -eq 0 ]
