# report.sh -- what the runners of tests share (test/run.sh, scripts/check_arm.sh): sourced, it counts in passed and
# failed, and $log is where a test's output goes before its report.
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

report() { # name, passed, failed, exit status
    passed=$((passed + $2)) failed=$((failed + $3))
    if [ "$3" -gt 0 ] || [ "$4" -ne 0 ]; then
        [ "$3" -gt 0 ] || failed=$((failed + 1))
        echo "FAILED  $1 (status $4)"
        sed 's/^/        /' "$log" | grep -v '^        ok ' | tail -60
    else
        printf 'ok      %-28s %3d\n' "$1" "$2"
        grep -i 'skipped' "$log" | sed 's/^#* */        /' | head -6
    fi
}
