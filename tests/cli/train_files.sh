#!/bin/bash
# fdht train on several data set files: a list, a folder, a pattern; a window over shuffled blocks; files that do not agree.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5 parts=$TOP/tests/data/bars # 1.h5, 2.h5 and 10.h5 are bars.h5 in three parts
cell=(--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff --lr 1e-2 --seed 3 -q -f)
train() { "$FDHT" train "${cell[@]}" --epochs 6 "$@"; }
logits() { "$FDHT" infer "$1" "$data" --logits | md5sum; }

works "one file" train "$data" -o one.h5
one=$(logits one.h5)
works "a list" train "$parts/1.h5" "$parts/2.h5" "$parts/10.h5" -o m.h5
same "a list: the same model" "$one" "$(logits m.h5)"
has "the model names its files" "$("$FDHT" info m.h5)" "1.h5 2.h5 10.h5"
works "a folder, in natural order" train "$parts" -o m.h5
same "a folder: the same model" "$one" "$(logits m.h5)"
works "a pattern" train "$parts/*.h5" -o m.h5
same "a pattern: the same model" "$one" "$(logits m.h5)"
works "a list, folders among it" train "$parts" "$data" -o m.h5
works "--val of several" train "$data" --val "$parts/[12].h5" -o m.h5
works "--val-split of several" train "$parts" --val-split .2 -o m.h5
works "--val-split of one" train "$data" --val-split .2 -o n.h5
same "--val-split: the same model" "$(logits n.h5)" "$(logits m.h5)"

# a window of some 20 of the 60 training clips, each of 960 bytes
window=(--window 19k)
works "a window" train "$data" -o w.h5 "${window[@]}"
w=$(logits w.h5)
[ "$w" != "$one" ] && pass "a window: another order" || fail "a window: another order"
works "a window over files, without memory" train "$parts" -o m.h5 "${window[@]}" --memory 1 -@2
same "a window over files: the same model" "$w" "$(logits m.h5)"
works "a window that holds all" train "$parts" -o m.h5 --window 1M
same "a window that holds all: all are shuffled" "$one" "$(logits m.h5)"
works "--memory bounds the window of several files" train "$parts" -o m.h5 --memory 19k
same "--memory bounds the window: the same model" "$w" "$(logits m.h5)"
run train "$parts" -o m.h5 --memory 19k -v
has "-v tells the window" "$err" "60 clips are read in order, used out of a window of 20 (0.0 MB)"
run train "$data" -o m.h5 --memory 1 -v
has "-v tells that clips are read again" "$err" "are read again each epoch, at random (--window: in order)"
works "a part of a run" train "$parts" -o m.h5 "${window[@]}" --checkpoint c.h5 --patience 1
rm -f c.h5
"$FDHT" train "${cell[@]}" --epochs 400000 "$parts" -o m.h5 "${window[@]}" --checkpoint c.h5 > /dev/null 2>&1 &
for i in $(seq 500); do [ -f c.h5 ] && break || sleep .02; done
kill -9 $! && wait $! 2> /dev/null
works "the checkpoint is whole" "$FDHT" info c.h5
fails "resumed with another window" 2 "fdht train: --resume: c.h5 was made with window=20, not window=42 (see fdht help train)" \
    "$FDHT" train "${cell[@]}" --epochs 400000 "$parts" -o m.h5 --window 40k --checkpoint c.h5 --resume

# what does not agree
works "other classes" bash -c 'mkdir -p set/a/c set/b/c && for c in a b; do printf "P5 8 8 255\n%64s" > set/$c/c/1.pgm; done && "$1" pack -q set -o two.h5' - "$FDHT"
fails "other classes are refused" 3 "fdht train: two.h5: 2 classes, $parts/1.h5 has 3" train "$parts/1.h5" two.h5 -o m.h5
fails "a file that is not there" 1 "fdht train: nope.h5: No such file or directory" train "$parts/1.h5" nope.h5 -o m.h5
fails "nothing matches" 1 "fdht train: x*.h5: no file matches" train 'x*.h5' -o m.h5
fails "a file twice" 2 "fdht train: '$parts/1.h5' is given twice (see fdht help train)" train "$parts/1.h5" "$parts" -o m.h5
cp "$parts/2.h5" d.h5
fails "the output is one of the files" 2 "fdht train: output 'd.h5' is the input 'd.h5' (see fdht help train)" train "$parts/1.h5" d.h5 -o d.h5
head -c 3000 "$parts/2.h5" > d.h5
run train "$parts/1.h5" d.h5 -o m.h5
same "a damaged file: status" 3 "$status"
has "a damaged file is named" "$err" "fdht train: d.h5: "

# threads and memory: what was found is printed
found() { "$@" "$FDHT" train "$data" "${cell[@]}" --epochs 0 -o t.h5 -v 2>&1 > /dev/null | sed -n 's/^fdht train: \([0-9]* threads* by [A-Za-z_-]*\) .*/\1/p'; }
same "-v: the processor mask" "1 thread by affinity" "$(found env -u FDHT_THREADS -u OMP_NUM_THREADS taskset -c "$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')")"
same "-v: OMP_NUM_THREADS" "3 threads by OMP_NUM_THREADS" "$(found env -u FDHT_THREADS OMP_NUM_THREADS=3,2)"
same "-v: FDHT_THREADS is stronger" "2 threads by FDHT_THREADS" "$(found env FDHT_THREADS=2 OMP_NUM_THREADS=3)"
tap_end
