#!/bin/bash
# fdht infer, with a small model trained here on tests/data/bars.h5 (see train.sh).
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
"$FDHT" train "$data" --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff --lr 1e-2 --seed 3 -q -o m.h5 --epochs 40 > /dev/null || exit 1

fails "no model" 2 "fdht infer: MODEL.h5 is missing (see fdht help infer)" "$FDHT" infer
fails "no input" 2 "fdht infer: no INPUT; - is standard input (see fdht help infer)" "$FDHT" infer m.h5
run "$FDHT" infer nope.h5 "$data"
same "missing model: status" 1 "$status"
run "$FDHT" infer "$data" "$data"
same "no model file: status" 3 "$status"
for o in "--top 0" "--format xml" "--raw rgb24" "--size 8x8" "--shard 2/2" "--shard x" "--control none" "--stream --frames 2" "--labels nope"; do
    run "$FDHT" infer m.h5 "$data" $o
    [ "$status" = 2 ] || [ "$o:$status" = "--labels nope:1" ] && pass "$o: status" || fail "$o: status" "$(said)"
done

works "a data set" "$FDHT" infer m.h5 "$data"
same "a line a clip" 90 "$(wc -l < "$OUT")"
same "keys" '["clip","label","class","prob","top"]' "$(head -n 1 "$OUT" | jq -c keys_unsorted)"
same "in order" "$(for i in $(seq 0 89); do printf 'bar_%02d\n' $i; done)" "$(jq -r .clip "$OUT")"
cp "$OUT" all
works "--batch 1, one thread" "$FDHT" infer m.h5 "$data" --batch 1 -@1
cmp -s "$OUT" all && pass "the same bytes" || fail "the same bytes"
works "--batch 64, three threads" "$FDHT" infer m.h5 "$data" --batch 64 -@3
cmp -s "$OUT" all && pass "the same bytes again" || fail "the same bytes again"
works "--top, --logits" "$FDHT" infer m.h5 "$data" --top 2 --logits
same "top: two, falling; logits: three" 90 \
    "$(jq -c 'select((.top | length) == 2 and .top[0].prob >= .top[1].prob and .top[0].label == .label and (.logits | length) == 3)' "$OUT" | wc -l)"
for i in 0 1 2; do "$FDHT" infer m.h5 "$data" --shard $i/3; done > shards
same "shards are a partition" "$(sort all)" "$(sort shards)"
works "--format tsv" "$FDHT" infer m.h5 "$data" --format tsv --top 2
same "tsv: head" $'clip\tlabel\tclass\tprob\terror\tlabel_2\tprob_2' "$(head -n 1 "$OUT")"
same "tsv: as JSON says" "$(jq -r '[.clip, .label, .class] | @tsv' all)" "$(tail -n +2 "$OUT" | cut -f 1-3)"
works "--format text" "$FDHT" infer m.h5 "$data" --format text
has "text" "$out" "bar_00: "
printf 'a\nb\nc\n' > names
fails "--labels: a folder" 1 "fdht infer: /: Is a directory" "$FDHT" infer m.h5 "$data" --labels /
works "--labels" "$FDHT" infer m.h5 "$data" --labels names
same "other names" "$(jq -r '["a", "b", "c"][.class]' all)" "$(jq -r .label "$OUT")"
run "$FDHT" infer m.h5 "$data" --score
has "--score" "$err" "labelled clips)"

works "--fixed16" "$FDHT" infer m.h5 "$data" --fixed16
same "--fixed16: labels agree on nearly all clips" 1 \
    "$(paste <(jq -r .label all) <(jq -r .label "$OUT") | awk '$1 == $2 {n++} END {print (n >= 88)}')"

# pipes: raw frames; four clips of five frames and one that is cut short
frames() { head -c "$1" /dev/zero | tr '\0' x; }
frames $((192 * 20)) | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --clip-frames 5 -
same "raw: status" 0 "$status"
same "raw: clips" "-#0 -#1 -#2 -#3" "$(jq -r .clip "$OUT" | xargs)"
frames $((192 * 7 + 10)) > short.raw
run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --clip-frames 5 short.raw "$data" missing
same "a bad clip: status" 1 "$status"
same "a bad clip: records" "93 91" "$(jq -c 'select(.clip)' "$OUT" | wc -l) $(jq -c 'select(.label)' "$OUT" | wc -l)"
same "a bad clip: is named" '["short.raw#1","missing"]' "$(jq -sc 'map(select(.error) | .clip)' "$OUT")"
same "a bad clip: a line each on stderr" 2 "$(wc -l < "$ERR")"
head -c 5000 "$data" > cut.h5
run "$FDHT" infer m.h5 cut.h5
same "a truncated data set: status" 1 "$status"
same "a truncated data set: named once" "fdht infer: cut.h5: damaged or truncated HDF5 file (5000 bytes)" "$(cat "$ERR")"
frames 192 > one.raw
run "$FDHT" infer m.h5 --raw rgb24 --size 4x4 one.raw
same "a wrong size: status" 1 "$status"
same "a wrong size" '{"clip":"one.raw","error":"4x4x3, the model takes 8x8x3 (--resize)"}' "$out"
same "a wrong size: on stderr" "fdht infer: one.raw: 4x4x3, the model takes 8x8x3 (--resize)" "$err"
works "a wrong size, --resize" "$FDHT" infer m.h5 --raw rgb24 --size 4x4 one.raw --resize
run "$FDHT" infer m.h5 --raw rgb24 --size 4x4 one.raw --stream
has "a wrong size, --stream" "$out" '"error":"4x4x3, the model takes 8x8x3 (--resize)"'
works "a wrong size, --stream --resize" "$FDHT" infer m.h5 --raw rgb24 --size 4x4 one.raw --stream --resize
echo hello > hello.bin
run "$FDHT" infer m.h5 hello.bin
same "no y4m: what would work" "fdht infer: hello.bin: no y4m header, and no format and size of raw frames are given (for headerless frames give --raw rgb24|gray and --size WxH)" "$err"
mkfifo pipe
(frames $((192 * 5)); sleep 2; frames $((192 * 5))) > pipe &
head=$(timeout 1.5 "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --clip-frames 5 pipe 2> /dev/null | head -n 1)
has "a pipe's first record does not wait for the second clip" "$head" '"clip":"pipe#0"'
wait

# a stream: after the last frame of a clip it says what the whole clip gets
"$FDHT" infer m.h5 "$data" --stream --format tsv --logits > stream
same "--stream: the last frame of each clip" "$(jq -r '[.clip, .label] | @tsv' all)" \
    "$(grep '#4' stream | cut -f 1,2 | sed 's/#4//')"
same "--stream: a record a frame" 451 "$(wc -l < stream)"

# pictures: a clip is a folder, its label the folder around it
mkdir -p clips/down/a clips/down/b
for c in a b; do for t in 1 2 10; do { printf 'P6\n8 8\n255\n'; frames 192; } > clips/down/$c/$t.ppm; done; done
works "folders" "$FDHT" infer m.h5 clips/down/a clips/down/b
find clips -mindepth 1 -type d | sort > list
works "--from-stdin" bash -c '"$1" infer m.h5 --from-stdin < list > from' - "$FDHT"
same "--from-stdin: clips" "clips/down/a clips/down/b" "$(jq -r .clip from | xargs)"
works "/dev/null" "$FDHT" infer m.h5 --from-stdin < /dev/null
run bash -c '"$1" infer m.h5 "$2" > /dev/full' - "$FDHT" "$data"
same "/dev/full: status" 1 "$status"
# the clips of one split, whose records are those of the whole
"$FDHT" train "$TOP/tests/data/bars.h5" -o bars.h5 --hidden 4 --epochs 1 -q > /dev/null
"$FDHT" infer bars.h5 "$TOP/tests/data/bars.h5" > whole.jsonl
for part in train:60 val:15 test:15; do
    run "$FDHT" infer bars.h5 "$TOP/tests/data/bars.h5" --split ${part%:*} --score
    same "--split ${part%:*}: clips" "${part#*:}" "$(printf '%s\n' "$out" | wc -l)"
    has "--split ${part%:*}: the score" "$err" "of ${part#*:} labelled clips"
    printf '%s\n' "$out" >> parts.jsonl
done
same "the splits are the whole" "$(sort whole.jsonl)" "$(sort parts.jsonl)"
"$FDHT" pack "$TOP/tests/data/bars.h5" -o marked.h5 --split train=.5,val=.5 -q > /dev/null
fails "a split without clips" 3 "fdht infer: no clip is marked test (fdht pack --split)" "$FDHT" infer bars.h5 marked.h5 --split test
tap_end
