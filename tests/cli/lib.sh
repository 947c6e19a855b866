# lib.sh - sourced by tests of the command line. Gives a scratch directory (the script starts in it), $TOP (the source
# tree), $FDHT (the program), and the assertions below; each prints one TAP line. The last command is `tap_end`.
#
#   run CMD..                    sets $status, $out and $err (without the last newline); files $OUT and $ERR hold the bytes
#   works NAME CMD..             status 0, nothing on stderr; leaves $out
#   fails NAME STATUS LINE CMD.. this status, nothing on stdout, exactly this one line on stderr
#   same NAME WANT GOT           equal strings
#   has NAME TEXT WANT           TEXT contains WANT
#   json NAME FILTER WANT        jq -c FILTER of the last output equals WANT
#   there NAME FILE, absent NAME FILE
#   listing NAME WANT            the scratch directory holds exactly the files WANT, in one line, sorted
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
FDHT=${FDHT:-$TOP/fdht}
export LC_ALL=C OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
unset NO_COLOR
. "$TOP/tests/tools/tap.sh"
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/dir" && cd "$scratch/dir" || exit 1
OUT=$scratch/out ERR=$scratch/err
PATH=$(dirname "$FDHT"):$PATH # so that examples may say `fdht`

run() {
    "$@" > "$OUT" 2> "$ERR"
    status=$?
    out=$(tr -d '\0' < "$OUT") err=$(tr -d '\0' < "$ERR")
}
# what a failed assertion shows
said() {
    printf 'status %s\nstdout: %s\nstderr: %s\n' "$status" "$(head -c 2000 "$OUT")" "$(head -c 2000 "$ERR")"
}
works() {
    local name=$1
    shift
    run "$@"
    [ "$status" = 0 ] && [ ! -s "$ERR" ] && pass "$name" || fail "$name" "$(said)"
}
fails() {
    local name=$1 want=$2 line=$3
    shift 3
    run "$@"
    [ "$status" = "$want" ] && [ ! -s "$OUT" ] && [ "$err" = "$line" ] && [ "$(wc -l < "$ERR")" = 1 ] &&
        pass "$name" || fail "$name" "wanted status $want, '$line'
$(said)"
}
same() {
    [ "$2" = "$3" ] && pass "$1" || fail "$1" "wanted: $2
got:    $3"
}
has() {
    [[ $2 == *"$3"* ]] && pass "$1" || fail "$1" "no '$3' in:
$2"
}
json() {
    local got
    got=$(jq -c "$2" "$OUT" 2>&1) && [ "$got" = "$3" ] && pass "$1" || fail "$1" "wanted $3
got    $got"
}
there() {
    [ -e "$2" ] && pass "$1" || fail "$1" "$2 is not there"
}
absent() {
    [ ! -e "$2" ] && [ ! -L "$2" ] && pass "$1" || fail "$1" "$2 is there"
}
listing() {
    same "$1" "$2" "$(find . -mindepth 1 | sed 's|^\./||' | sort | tr '\n' ' ' | sed 's/ $//')"
}
