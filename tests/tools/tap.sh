# tap.sh - sourced by test scripts: numbered TAP lines and the closing plan.
tap_n=0 tap_bad=0
pass() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $*"
}
# fail NAME [DETAIL]: DETAIL may have several lines
fail() {
    tap_n=$((tap_n + 1)) tap_bad=$((tap_bad + 1))
    echo "not ok $tap_n - $1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}
skip() {
    tap_n=$((tap_n + 1))
    echo "ok $tap_n - $1 # SKIP $2"
}
# The last command of a script.
tap_end() {
    echo "1..$tap_n"
    [ $tap_bad = 0 ]
}
