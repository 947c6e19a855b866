#!/bin/bash
# fdht info: presets and their plans, models, data sets, machines; what it refuses.
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

# presets and plans
works "--presets" "$FDHT" info --presets
for p in ucf11-dense ucf11-tt ucf11-bt ucf11-tr ucf11-ht ucf11-fdht youtube-tt youtube-fdht tie-fc6 tie-fc7 tie-ucf11 \
    tie-youtube clips-fdht; do
    has "--presets names $p" $'\n'"$out" $'\n'"$p "
done
works "--presets --json" "$FDHT" info --presets --json
json "as many" '.presets | length' "$(wc -l <<< "$("$FDHT" info --presets)")"
works "--preset" "$FDHT" info --preset ucf11-ht --json
# leaves (r,m,n): 4 x (128+40+20+36+16), inner: 5x4x4, 5x4x5, 4x.., the root 5x5
json "the published count" .parameters 1245
json "cell, modes, tree" '[.cell, .in_modes, .out_modes, .tree]' \
    '["ht",[8,10,10,9,8],[16,4,2,4,2],"((1,2),(3,(4,5)))"]'
json "no plan unasked" '.plan' null
works "--plan" "$FDHT" info --preset ucf11-ht --plan --json
json "steps add up" '.plan | .multiply_adds_per_frame == ([.steps[].multiply_adds] | add)' true
json "work is rows x inner x cols" '[.plan.steps[] | .rows * .inner * .cols == .multiply_adds] | all' true
json "no more than 1.90 M for the input" '.plan.input_multiply_adds <= 1900000' true
works "--plan of the dense one" "$FDHT" info --preset ucf11-dense --plan --json
json "is one matrix and the hidden one" .plan.multiply_adds_per_frame $((57600 * 1024 + 256 * 1024))
works "as text" "$FDHT" info --preset ucf11-ht --plan
has "text: modes" "$out" $'\nin_modes: 8, 10, 10, 9, 8\n'
run "$FDHT" info --preset nonsense
same "an unknown preset: status" 2 "$status"
has "an unknown preset: lists the others" "$err" "fdht info: preset 'nonsense': expected ucf11-dense, "
fails "a file and a preset" 2 "fdht info: a FILE, --preset and --presets exclude each other (see fdht help info)" \
    "$FDHT" info p.pgm --preset ucf11-ht
fails "a list has no plan" 2 "fdht info: --plan needs a FILE or --preset (see fdht help info)" "$FDHT" info --presets --plan

# options in any order, -- ends them
cp p.pgm -- --json
works "-- ends the options" "$FDHT" info -- --json
has "a file named like an option" "$out" "file: --json"
works "options behind the file" "$FDHT" info p.pgm --json
json "work" .kind '"pnm"'
tap_end
