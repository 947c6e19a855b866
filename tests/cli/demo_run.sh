#!/bin/bash
# The script of `make demo`, start to end, on few clips of sheets made for the test: that it goes through, says what it should and
# leaves the tree as it was.
. "$(dirname "$0")/lib.sh"

export RENDER=${RENDER:-$TOP/build/demo/render} FDHT FLARE_ART=$PWD/art
"$TOP/tests/tools/flare-art" "$RENDER" art
before=$(git -C "$TOP" status --porcelain 2>/dev/null)
run "$TOP/demo/run.sh" --clips 80 --epochs 1 --out "$PWD/made"
same "it ends well" 0 "$status"
[ "$status" = 0 ] || said | sed 's/^/#   /'
for file in picture.png model.h5 train.jsonl test.h5 eight.jsonl dense.h5 small.h5 tuned.h5; do
    if [ "$file" = picture.png ] && ! command -v gnuplot >/dev/null; then
        skip "made $file" "no gnuplot here"
        continue
    fi
    there "made $file" "made/$file"
    has "and says so: $file" "$out" "made/$file"
done
same "eight clips from the pipe" 8 "$(grep -c '^{"clip":"-#[0-7]","label":"' made/eight.jsonl)"
if [ -f made/eight.mp4 ] && ! grep -q 'built without' made/film.jsonl; then
    same "eight clips from the MP4 file" 8 "$(grep -c '^{"clip":"[^"]*eight.mp4#[0-7]","label":"' made/film.jsonl)"
else
    skip "clips from an MP4 file" "no ffmpeg here, or built without libavformat"
fi
has "four clips from folders" "$out" '{"clip":"'"$PWD"'/made/clips/test/die/00007","label":"'
for row in "16 test clips" "chance: eight actions" "control: one frame repeated" "control: frames in random order" "dense LSTM" \
    "compressed: hierarchical Tucker" "and fine-tuned"; do
    found=$(grep "^   $row.* [01]\.[0-9]*\$" "$OUT")
    [ -n "$found" ] && pass "an accuracy: $row" || fail "an accuracy: $row" "$out"
done
same "the one frame says nothing" 0.125 "$(sed -n 's/^   control: one frame.* //p' "$OUT")"
same "the tree is as it was" "$before" "$(git -C "$TOP" status --porcelain 2>/dev/null)"

run "$TOP/demo/run.sh" --clips many
same "a number that is none" 2 "$status"
run "$TOP/demo/run.sh" --out "$PWD/made"
same "a folder that is there already" 2 "$status"
tap_end
