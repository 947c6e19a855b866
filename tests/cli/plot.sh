#!/bin/bash
# --plot of every command: names that are refused before any work, each kind of picture whole, and a picture that fails.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
weights=$TOP/tests/data/lstm/torch_2layer.h5
# Each command, its picture named last.
train=(train "$data" -o m.h5 -f -q --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 2 --plot)
compress=(compress "$weights" -q --dry-run --plot)
bench=(bench --preset ucf11-fdht --what layer --batch 1 -r 1 --no-dense --plot)
simulate=(simulate --preset ucf11-fdht --plot)
each() { # CALL - for every command, its words in "${words[@]}"
    for command in train compress bench simulate; do
        local -n words=$command
        "$@"
    done
}
refused() {
    for name in p.jpg p png .png; do
        run "$FDHT" "${words[@]}" $name
        same "$command: $name: status" 2 "$status"
        same "$command: $name: no result" "" "$out"
        same "$command: $name: said" "fdht $command: --plot: expected a name ending in .png, .svg or .pdf, got '$name' (see fdht help $command)" \
            "$err"
    done
    absent "$command: nothing was done" m.h5
}
each refused

without_gnuplot() {
    run env PATH=/nonexistent "$FDHT" "${words[@]}" p.png
    same "$command: without gnuplot: status" 1 "$status"
    same "$command: without gnuplot: no result" "" "$out"
    same "$command: without gnuplot: said" "fdht $command: --plot: gnuplot is not installed (Debian: gnuplot-nox)" "$err"
    absent "$command: without gnuplot: no picture" p.png
    absent "$command: without gnuplot: nothing was done" m.h5
}
each without_gnuplot

# A gnuplot that ends too early, and one that fails: the numbers are printed, the picture is not there, the status is 1.
mkdir bin
broken() {
    run env PATH="$PWD/bin:$PATH" "$FDHT" "${words[@]}" p.png
    same "$command: $what: status" 1 "$status"
    [ -n "$out" ] && pass "$command: $what: the numbers" || fail "$command: $what: the numbers"
    has "$command: $what: said" "$err" "fdht $command: p.png: no picture: $said"
    absent "$command: $what: no picture" p.png
}
printf '#!/bin/sh\nprintf "\\211PNG and no more"\n' > bin/gnuplot
chmod +x bin/gnuplot
what="half a picture" said="what gnuplot drew has no end"
each broken
printf '#!/bin/sh\necho "line 3: no such thing" >&2; exit 1\n' > bin/gnuplot
what="a failure" said="gnuplot failed: line 3: no such thing"
each broken
rm -r bin

if ! command -v gnuplot > /dev/null; then
    skip "pictures" "no gnuplot here"
    tap_end
    exit
fi
drawn() {
    for kind in png svg pdf; do
        works "$command: $kind" "$FDHT" "${words[@]}" p.$kind -f
    done
    same "$command: PNG: from its first bytes" 89504e47 "$(head -c 4 p.png | od -An -tx1 | tr -d ' \n')"
    same "$command: PNG: to its last" IEND "$(tail -c 8 p.png | head -c 4)"
    same "$command: SVG: its title" "fdht $command: " "$(grep -o "fdht $command: " p.svg)"
    has "$command: SVG: the date" "$(grep -o '<text>[^<]*, 20[^<]*' p.svg)" ", $(date -u +%Y-%m-%d)"
    has "$command: SVG: ends" "$(tail -n 2 p.svg)" "</svg>"
    has "$command: PDF" "$(head -c 5 p.pdf)" "%PDF-"
    has "$command: PDF: the time of day is not in it" "$(grep -a CreationDate p.pdf)" "(D:19700101000000Z)"
}
each drawn
"$FDHT" "${compress[@]}" p.svg -f > /dev/null
run "$FDHT" "${compress[@]}" p.png
same "a picture that exists: status" 1 "$status"
has "a picture that exists" "$err" "--force"
ln -s /dev/full full.png
run "$FDHT" "${compress[@]}" full.png -f
same "a full disk: status" 1 "$status"
has "a full disk: said" "$err" "No space left on device"
same "compress draws the bound" 2 "$(grep -c ', bound</text>' p.svg)"
same "nothing hidden" "" "$(find . -name '.*' -type f)"
tap_end
