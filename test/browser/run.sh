#!/bin/sh
# run.sh -- the page of lorac report in headless Chromium, at the width of a desk and of a phone: it loads,
# sorts, hides, shows the numbers under the pointer and copies a command, and the browser's console stays empty.
#
#   test/browser/run.sh [FOLDER]     keeps screenshots there (desk and phone, light and dark)
#
# A copy of the page ends with act.js, which does what a reader does and leaves its findings in the document.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
shots=${1:-}
BUILD=${BUILD:-build/release}
case $BUILD in /*) bin=$BUILD ;; *) bin=$root/$BUILD ;; esac
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skip report in a browser: there is no chromium"
    echo "0 passed, 0 failed"
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

show() { # options...
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --enable-logging=stderr "$@" 2>"$work/stderr"
}
look() { # name, width
    show --window-size="$2,900" --virtual-time-budget=3000 --dump-dom "file://$work/acted.html" >"$work/dom"
    sed -n 's/.*<pre id="findings">//; /^\(ok\|FAILED\) /p; s/<\/pre>.*//' "$work/dom" >"$work/findings"
    grep CONSOLE "$work/stderr" | sed 's/^/FAILED console: /' >>"$work/findings"
    grep -q '^ok acted' "$work/findings" || echo "FAILED the page's script did not come to its end" >>"$work/findings"
    passed=$((passed + $(grep -c '^ok ' "$work/findings")))
    failed=$((failed + $(grep -c '^FAILED ' "$work/findings")))
    grep '^FAILED ' "$work/findings" | sed "s/^/$1: /"
}

cd "$work" || exit 1
model=$root/test/data/models/stories260k/stories260K.gguf data=$root/test/cli/data
"$bin/lorac" compare --quiet --model "$model" --data "$data/pets.csv" --eval-data "$data/animals-pets.csv" \
    --prompt_template '{name} the {kind} was' --completion-column description --max_steps 8 --learning_rate 1e-2 \
    --per_device_train_batch_size 2 --seeds 2 --recipes lora,qlora,fp4 --max_new_tokens 12 \
    --out cmp >/dev/null || exit 1
{
    sed 's|</body></html>||' cmp/report.html
    echo '<script>'
    cat "$here/act.js"
    echo '</script></body></html>'
} >acted.html
look desk 1280
look phone 390
if [ -n "$shots" ]; then
    mkdir -p "$shots"
    for width in 1280 390; do
        show --window-size=$width,4200 --screenshot="$shots/light-$width.png" "file://$work/cmp/report.html"
        show --window-size=$width,4200 --force-dark-mode --blink-settings=preferredColorScheme=0 \
            --screenshot="$shots/dark-$width.png" "file://$work/cmp/report.html"
    done
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
