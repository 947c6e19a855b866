#!/bin/bash
# The progress bar and colour are shown on a terminal and nowhere else; memory is clean under valgrind.
. "$(dirname "$0")/lib.sh"

mkdir -p clips/one clips/two
for c in clips/*; do
    for i in 1 2 3; do printf 'P5\n2 2\n255\nabcd' > "$c/$i.pgm"; done
done

# tty CMD: its output on a terminal of 60 columns
tty_run() {
    script -qec "stty cols 60 2> /dev/null; $1" /dev/null < /dev/null
}
# script(1) may be missing, and so may pseudo-terminals (a bare chroot)
terminal() {
    script -qec true /dev/null < /dev/null > /dev/null 2>&1
}
if terminal; then
    seen=$(TERM=xterm tty_run "'$FDHT' pack -o a.h5 clips")
    has "a bar on a terminal" "$seen" $'\r'
    has "a bar on a terminal: percent" "$seen" "%"
    same "the bar is taken away" 1 "$(grep -c $'\r\033\\[K[^\r]*packed 2 clips' <<< "$seen")"
    for how in --no-progress --quiet; do
        rm a.h5
        seen=$(TERM=xterm tty_run "'$FDHT' pack -o a.h5 clips $how")
        same "none with $how" "" "$(grep ETA <<< "$seen")"
    done
    rm a.h5
    seen=$(TERM=dumb tty_run "'$FDHT' pack -o a.h5 clips")
    same "none on a dumb terminal" "" "$(grep ETA <<< "$seen")"
else
    skip "a bar on a terminal" "script(1) opens no terminal here"
fi
rm -f a.h5
red=$'\033[31mfdht info:\033[0m nope: No such file or directory'
plain='fdht info: nope: No such file or directory'
fails "no colour in a pipe" 1 "$plain" "$FDHT" info nope
fails "--color=always" 1 "$red" "$FDHT" info nope --color=always
if terminal; then
    same "colour on a terminal" "$red" "$(TERM=xterm tty_run "'$FDHT' info nope" | tr -d '\r')"
    same "not with NO_COLOR" "$plain" "$(NO_COLOR=1 TERM=xterm tty_run "'$FDHT' info nope" | tr -d '\r')"
    same "not with --color=never" "$plain" "$(TERM=xterm tty_run "'$FDHT' info nope --color=never" | tr -d '\r')"
fi
works "none in a pipe" "$FDHT" pack -o a.h5 clips

# valgrind: no error, no leak. It does not know AVX-512, and the processor it shows has none. It shows rdtscp, though, where the real one
# lacks it, and then a library of libav's (libhwy) dies before main.
foreign_end() {
    run valgrind -q "$FDHT" --version
    [ "$status" = 132 ] && grep -o 'Illegal opcode\|(in /usr/lib/[^ ]*)' <<< "$err" | head -2 | grep -q '/usr/lib/'
}
if ! command -v valgrind > /dev/null || nm -D "$FDHT" 2> /dev/null | grep -q __asan; then
    skip "valgrind" "not here, or a sanitizer build"
elif foreign_end; then
    skip "valgrind" "a system library asks for an instruction that this processor lacks"
else
    clean() {
        run valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite "$@"
        [ "$status" = 0 ] && pass "valgrind: ${*:2}" || fail "valgrind: ${*:2}" "$(said)"
    }
    clean "$FDHT" help
    clean "$FDHT" info --presets
    clean "$FDHT" info --preset ucf11-ht --plan --json
    clean "$FDHT" info --json a.h5 --trust
    clean "$FDHT" pack -f -o a.h5 clips
    clean "$FDHT" completion bash
fi
tap_end
