#!/bin/bash
# fdht info.
. "$(dirname "$0")/lib.sh"

fails "no file" 2 "fdht info: expected one FILE, got 0 (see fdht help info)" "$FDHT" info
fails "two files" 2 "fdht info: expected one FILE, got 2 (see fdht help info)" "$FDHT" info a b
fails "a missing file" 1 "fdht info: nope.h5: No such file or directory" "$FDHT" info nope.h5
fails "stdin" 2 "fdht info: -: HDF5 cannot be read from a pipe (it needs seek) (see fdht help info)" "$FDHT" info -
echo text > text
fails "something else" 3 "fdht info: text: not a file that fdht knows" "$FDHT" info text
: > empty
fails "an empty file" 3 "fdht info: empty: not a file that fdht knows" "$FDHT" info empty
mkdir folder
run "$FDHT" info folder
same "a folder: status" 3 "$status"

# a grey picture of 3 x 2, 8 bit, as PGM
printf 'P5\n3 2\n255\n\1\2\3\4\5\6' > p.pgm
works "a picture" "$FDHT" info p.pgm
same "as text" $'file: p.pgm\nkind: pnm\nwidth: 3\nheight: 2\nchannels: 1' "$out"
works "as JSON" "$FDHT" info --json p.pgm
json "schema, kind, sizes" '[.schema, .kind, .width, .height, .channels]' '["fdht.info/1","pnm",3,2,1]'
printf 'P5\n3 2\n255\n\1\2\3' > short.pgm
run "$FDHT" info short.pgm
same "truncated: status" 3 "$status"
same "truncated: stdout" "" "$out"
same "truncated: one line" 1 "$(wc -l < "$ERR")"
has "truncated: names the file" "$err" "fdht info: short.pgm: "
cp p.pgm $'strange\xffname.pgm'
works "a name that is no UTF-8" "$FDHT" info --json $'strange\xffname.pgm'
json "is readable JSON" .file '"strange�name.pgm"'
fails "/dev/full" 1 "fdht info: standard output: No space left on device" \
    bash -c '"$1" info --json p.pgm > /dev/full' - "$FDHT"

# options in any order, -- ends them
cp p.pgm -- --json
works "-- ends the options" "$FDHT" info -- --json
has "a file named like an option" "$out" "file: --json"
works "options behind the file" "$FDHT" info p.pgm --json
json "work" .kind '"pnm"'
tap_end
