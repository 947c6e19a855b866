#!/bin/bash
# fdht itself: help, version, unknown words, streams.
. "$(dirname "$0")/lib.sh"

run "$FDHT"
same "no command: status" 2 "$status"
same "no command: stdout" "" "$out"
has "no command: usage on stderr" "$err" "usage: fdht <command>"

works "help" "$FDHT" help
help=$out
has "help: usage" "$help" "usage: fdht <command>"
works "--help" "$FDHT" --help
same "--help is help" "$help" "$out"
works "-h" "$FDHT" -h
same "-h is help" "$help" "$out"

works "--version" "$FDHT" --version
same "version: first line" "fdht $(cat "$TOP/VERSION")" "${out%%$'\n'*}"
has "version: the library" "$out" "libfdht $(cat "$TOP/VERSION")"
has "version: the BLAS" "$out" "blas "

works "version" "$FDHT" version
version=$out
works "-V" "$FDHT" -V
same "-V is version" "$version" "$out"
fails "version takes nothing" 2 "fdht: version takes no arguments" "$FDHT" version x
fails "unknown command" 2 "fdht: unknown command 'foo' (see fdht help)" "$FDHT" foo
fails "unknown option" 2 "fdht: unknown option '--foo' (see fdht help)" "$FDHT" --foo
fails "help of an unknown command" 2 "fdht: unknown command 'foo' (see fdht help)" "$FDHT" help foo
fails "an empty command" 2 "fdht: unknown command '' (see fdht help)" "$FDHT" ""
fails "--version takes nothing" 2 "fdht: --version takes no arguments" "$FDHT" --version x

# threads: by the environment, by affinity
fails "FDHT_THREADS" 2 "fdht infer: FDHT_THREADS is 'many', not a number from 1 to 1024 (see fdht help infer)" \
    env FDHT_THREADS=many "$FDHT" infer m.h5 x
threads() { # NAME WANT CMD..
    local name=$1 want=$2
    shift 2
    has "$name" "$("$@" infer -v none.h5 x 2>&1 | head -n 1)" "fdht infer: $want"
}
threads "-v: FDHT_THREADS" "3 threads by FDHT_THREADS" env FDHT_THREADS=3 OMP_NUM_THREADS=2 "$FDHT"
threads "-v: OMP_NUM_THREADS" "2 threads by OMP_NUM_THREADS" env -u FDHT_THREADS OMP_NUM_THREADS=2,1 "$FDHT"
first=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
threads "-v: affinity" "1 thread by affinity (1 processor allowed" env -u FDHT_THREADS -u OMP_NUM_THREADS taskset -c "$first" "$FDHT"

# every command: the same help by both ways, the same complaints
commands=$(sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<< "$help")
[ -n "$commands" ] && pass "commands are listed" || fail "commands are listed"
for c in $commands; do
    works "help $c" "$FDHT" help "$c"
    text=$out
    has "help $c: usage" "$text" "usage: fdht $c "
    works "$c --help" "$FDHT" "$c" --help
    same "$c --help is help $c" "$text" "$out"
    works "$c -h" "$FDHT" "$c" -h
    same "$c -h is help $c" "$text" "$out"
    fails "$c: unknown option" 2 "fdht $c: unknown option '--no-such' (see fdht help $c)" "$FDHT" "$c" --no-such
    fails "$c: unknown letter" 2 "fdht $c: unknown option '-Z' (see fdht help $c)" "$FDHT" "$c" -Z
    fails "$c: --help with a value" 2 "fdht $c: --help takes no value (see fdht help $c)" "$FDHT" "$c" --help=1
    fails "$c: a flag with a value" 2 "fdht $c: --quiet takes no value (see fdht help $c)" "$FDHT" "$c" --quiet=1
    fails "$c: a missing value" 2 "fdht $c: --color needs a value (see fdht help $c)" "$FDHT" "$c" --color
    fails "$c: a wrong choice" 2 "fdht $c: --color: 'blue' is not one of auto|always|never (see fdht help $c)" \
        "$FDHT" "$c" --color=blue
    wide=$(awk 'length > 120' <<< "$text")
    same "$c: help fits 120 columns" "" "$wide"
done

# stdout that does not take what is written
fails "/dev/full" 1 "fdht: standard output: No space left on device" bash -c '"$1" help > /dev/full' - "$FDHT"
fails "/dev/full in a command" 1 "fdht completion: standard output: No space left on device" \
    bash -c '"$1" completion bash > /dev/full' - "$FDHT"
fails "stdout closed" 1 "fdht: standard output: Bad file descriptor" bash -c '"$1" help >&-' - "$FDHT"
run bash -c '"$1" help 2>&-' - "$FDHT"
same "stderr closed: status" 0 "$status"
same "stderr closed: stdout" "$help" "$out"
run bash -c '"$1" foo 2>&-' - "$FDHT"
same "an error with stderr closed" 2 "$status"
listing "nothing was written" ""
tap_end
