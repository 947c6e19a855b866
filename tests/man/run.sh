#!/bin/bash
# The man pages: clean for mandoc, one for each command, the same options as the command's table, examples that work.
#
# Examples: a literal block below a line `.\" test` is run. A line `$ command` is run by bash in a scratch directory
# that the blocks of a page share; the lines below it are what it prints on stdout, exactly, where a line `...` stands
# for any lines. `.\" test status N` expects another status than 0 from the last command of the block. A line
# `.\" setup: command` is run silently. A literal block below a line `.\" program FILE` is written to that file. $TOP is
# the source tree, $BUILD the build folder.
. "$(dirname "$0")/../cli/lib.sh"

commands=$("$FDHT" help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
pages=("$TOP"/man/*.[1-8])

for page in "${pages[@]}"; do
    name=${page##*/}
    if command -v mandoc > /dev/null; then
        lint=$(mandoc -T lint -W warning "$page" 2>&1) && pass "$name: lint" || fail "$name: lint" "$lint"
    else
        skip "$name: lint" "no mandoc here"
    fi
    case $name in
    fdht-*.1)
        command=${name#fdht-} command=${command%.1}
        grep -qx "$command" <<< "$commands" && pass "$name: is a command" || fail "$name: is a command"
        ;;
    esac
done

options_of_help() {
    "$FDHT" help "$1" | sed -nE 's/^  (-.|  )(, |  |)(--[a-z0-9-]+)?.*/\1 \3/p' | tr -s ' ' '\n' | grep '^-' | sort -u
}
# every Fl of the OPTIONS section, punctuation and values left out
options_of_page() {
    awk '/^\.Sh/ {on = ($2 == "OPTIONS")} on && /^\.(It )?(Fl|Op Fl)/ {
        for (i = 1; i < NF; i++) if ($i ~ /^\.?Fl$/) print "-" $(i + 1)}' "$1" | sort -u
}
for c in $commands; do
    page=$TOP/man/fdht-$c.1
    if [ ! -f "$page" ]; then
        fail "fdht-$c.1 exists"
        continue
    fi
    same "fdht-$c.1: options" "$(options_of_help "$c")" "$(options_of_page "$page")"
    grep -q "Xr fdht-$c 1" "$TOP/man/fdht.1" && pass "fdht.1 names $c" || fail "fdht.1 names $c"
done

# PAGE -> lines "kind<TAB>text": block, status N, setup CMD, run CMD, want LINE, end
examples_of() {
    awk '
        /^\.\\" setup: / {sub(/^\.\\" setup: /, ""); print "setup\t" $0; next}
        /^\.\\" program / {file = $3; print "file\t" file; next}
        file != "" && /^\.Bd/ {writing = 1; next}
        writing && /^\.Ed/ {writing = 0; file = ""; next}
        writing {gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\&/, ""); print "line\t" $0; next}
        /^\.\\" test/ {armed = 1; print "status\t" ($3 == "status" ? $4 : 0); next}
        armed && /^\.Bd/ {inside = 1; next}
        inside && /^\.Ed/ {print "end\t"; inside = armed = 0; next}
        inside {
            gsub(/\\e/, "\\"); gsub(/\\-/, "-"); gsub(/\\&/, ""); gsub(/\\\(aq/, "\047"); gsub(/\\\(dq/, "\""); gsub(/\\\(ga/, "`")
            if (sub(/^\$ /, "")) print "run\t" $0
            else print "want\t" $0
        }' "$1"
}
# matches WANT GOT: WANT line by line, "..." any lines
matches() {
    awk -v want="$1" -v got="$2" '
        function rest(i, j) {
            if (i > n) return j > m
            if (w[i] == "...") return rest(i + 1, j) || (j <= m && rest(i, j + 1))
            return j <= m && w[i] == g[j] && rest(i + 1, j + 1)
        }
        BEGIN {n = split(want, w, "\n"); m = split(got, g, "\n"); exit !rest(1, 1)}' < /dev/null
}
one_example() { # uses $command, $want, $expected
    [ -n "$command" ] || return 0
    run bash -c "set -o pipefail; $command"
    [ "$status" != 141 ] || status=0 # `| head` has seen enough
    if [ "$status" != "$expected" ]; then
        fail "$name: \$ $command" "wanted status $expected; $(said)"
    elif ! matches "$want" "$out"; then
        fail "$name: \$ $command" "wanted:
$want
$(said)"
    else
        pass "$name: \$ $command"
    fi
    command= want=
}
BUILD=${BUILD:-$TOP/build}
export TOP FDHT BUILD
for page in "${pages[@]}"; do
    name=${page##*/} command= want= expected=0 last=0
    rm -rf "$scratch/dir" && mkdir "$scratch/dir" && cd "$scratch/dir" || exit 1
    while IFS=$'\t' read -r kind text; do
        case $kind in
        file) program=$text && : > "$program" ;;
        line) printf '%s\n' "$text" >> "$program" ;;
        setup) run bash -c "$text" && [ "$status" = 0 ] || fail "$name: setup $text" "$(said)" ;;
        status) last=$text ;;
        run)
            one_example
            command=$text
            ;;
        want) want+=${want:+$'\n'}$text ;;
        end)
            expected=$last
            one_example
            expected=0
            ;;
        esac
    done < <(examples_of "$page")
done
tap_end
