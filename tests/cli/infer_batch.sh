#!/bin/bash
# fdht infer as a batch job: -o, --resume, shards, names, lists of paths, signals.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
unset OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE PMIX_RANK SLURM_PROCID SLURM_NTASKS SLURM_STEP_NUM_TASKS \
    SLURM_ARRAY_TASK_ID SLURM_ARRAY_TASK_MIN SLURM_ARRAY_TASK_COUNT SLURM_ARRAY_TASK_STEP
train() { "$FDHT" train "$data" --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff -q --epochs 2 "$@" > /dev/null; }
train -o m.h5 --seed 3 && train -o other.h5 --seed 4 || exit 1
frames() { head -c "$1" /dev/zero | tr '\0' x; }

# ---- -o ----
"$FDHT" infer m.h5 "$data" > all
works "-o" "$FDHT" infer m.h5 "$data" -o r.jsonl
cmp -s all r.jsonl && pass "-o: as standard output" || fail "-o: as standard output"
same "-o: nothing printed" "" "$out"
absent "-o: no journal stays" r.jsonl.partial
fails "-o: exists" 1 "fdht infer: r.jsonl: exists (use --force to overwrite it)" "$FDHT" infer m.h5 "$data" -o r.jsonl
works "-o -f" "$FDHT" infer m.h5 "$data" -o r.jsonl -f
fails "-o over the model" 2 "fdht infer: output 'm.h5' is the input 'm.h5' (see fdht help infer)" "$FDHT" infer m.h5 "$data" -o m.h5 -f
works "-o -" "$FDHT" infer m.h5 "$data" -o -
cmp -s all "$OUT" && pass "-o -: standard output" || fail "-o -: standard output"
run "$FDHT" infer m.h5 "$data" -o /dev/full
same "-o: a full disk" "1 fdht infer: /dev/full: No space left on device" "$status $err"
for o in "--resume" "--resume -o -" "-o x --resume --stream" "-o x --resume --score" "-o x --resume --format text" "-0"; do
    run "$FDHT" infer m.h5 "$data" $o
    same "$o: status" 2 "$status"
done
absent "usage errors leave nothing" x.partial

# ---- --resume: the journal cut anywhere ----
size=$(stat -c %s all)
bad=0
for cut in 0 1 50 200 201 1000 $((size / 2)) $((size / 3)) $((size - 1)) "$size"; do
    rm -f r.jsonl
    head -c "$cut" all > r.jsonl.partial
    "$FDHT" infer m.h5 "$data" -o r.jsonl --resume --batch 7 > /dev/null && cmp -s all r.jsonl && [ ! -e r.jsonl.partial ] || bad=$((bad + 1))
done
same "--resume: the same bytes wherever the journal was cut" 0 "$bad"
head -n 40 all > r.jsonl.partial
works "--resume -v" "$FDHT" infer m.h5 "$data" -o r2.jsonl --resume
rm r2.jsonl
mv r.jsonl.partial r2.jsonl.partial
run "$FDHT" infer m.h5 "$data" -o r2.jsonl
same "a journal without --resume" "1 fdht infer: r2.jsonl.partial: exists; --resume goes on with it (use --force to overwrite it)" "$status $err"
run "$FDHT" infer other.h5 "$data" -o r2.jsonl --resume
has "--resume with another model: refused" "$status $err" "2 fdht infer: --resume: the last record of r2.jsonl, of clip bar_39, is not what this model"
same "--resume with another model: the records stay" 40 "$(wc -l < r2.jsonl.partial)"
run "$FDHT" infer m.h5 "$data" -o r2.jsonl --resume --top 2
same "--resume with other options: refused" 2 "$status"
works "-f starts anew" "$FDHT" infer m.h5 "$data" -o r2.jsonl -f
cmp -s all r2.jsonl && pass "-f: the whole" || fail "-f: the whole"
works "--resume of a whole file" "$FDHT" infer m.h5 "$data" -o r2.jsonl --resume
cmp -s all r2.jsonl && pass "a whole file stays" || fail "a whole file stays"
frames $((192 * 5)) > more.raw
works "--resume with one more clip" "$FDHT" infer m.h5 --raw rgb24 --size 8x8 "$data" more.raw -o r2.jsonl --resume
same "one record is added" "91 more.raw" "$(wc -l < r2.jsonl) $(tail -n 1 r2.jsonl | jq -r .clip)"
echo '{"x":1}' > bad.jsonl.partial
run "$FDHT" infer m.h5 "$data" -o bad.jsonl --resume
same "a journal that is none" "3 fdht infer: bad.jsonl.partial: line 1 is no record of --format jsonl" "$status $(head -n 1 "$ERR")"
works "tsv" "$FDHT" infer m.h5 "$data" --format tsv -o t.tsv
head -c 700 t.tsv > t2.tsv.partial
works "tsv, --resume" "$FDHT" infer m.h5 "$data" --format tsv -o t2.tsv --resume
cmp -s t.tsv t2.tsv && pass "tsv: the same bytes" || fail "tsv: the same bytes"
works "--fixed16" "$FDHT" infer m.h5 "$data" --fixed16 -o f.jsonl
for lines in 5 16 50; do
    head -n "$lines" f.jsonl > f2.jsonl.partial
    "$FDHT" infer m.h5 "$data" --fixed16 -o f2.jsonl --resume -f && cmp -s f.jsonl f2.jsonl
    same "--fixed16, --resume after $lines: the ranges are those of the first clips" 0 $?
done
# the same clip twice, and one that fails
"$FDHT" infer m.h5 missing more.raw more.raw "$data" --raw rgb24 --size 8x8 > twice 2> /dev/null
for lines in 1 2 3 50; do
    head -n "$lines" twice > w.jsonl.partial
    "$FDHT" infer m.h5 missing more.raw more.raw "$data" --raw rgb24 --size 8x8 -o w.jsonl --resume -f 2> /dev/null
    same "equal names and failures, --resume after $lines: status" 1 $?
    cmp -s twice w.jsonl && pass "equal names: same bytes" || fail "equal names: same bytes"
done

# what has its record is passed over, whatever became of it
cp "$TOP/tests/data/clips/small.mp4" film.mp4
"$FDHT" infer m.h5 film.mp4 more.raw --raw rgb24 --size 8x8 --resize "$data" > film 2> /dev/null
head -n 3 film > film2.partial
head -c 200 "$TOP/tests/data/clips/small.mp4" > film.mp4
"$FDHT" infer m.h5 film.mp4 more.raw --raw rgb24 --size 8x8 --resize "$data" -o film2 --resume 2> /dev/null
cmp -s film film2 && pass "--resume: a clip with a record that went bad" || fail "--resume: a clip with a record that went bad" "$(diff film film2)"

# ---- a killed run ----
frames $((192 * 5 * 6)) > v.raw
raw="--raw rgb24 --size 8x8 --clip-frames 5"
"$FDHT" infer m.h5 $raw v.raw > whole
mkfifo feed
"$FDHT" infer m.h5 $raw - --name v.raw -o k.jsonl < feed &
pid=$!
exec 9> feed
frames $((192 * 5 * 3 + 10)) >&9
for i in $(seq 100); do [ "$(cat k.jsonl.partial 2> /dev/null | wc -l)" = 3 ] && break; sleep .1; done
run "$FDHT" infer m.h5 $raw v.raw -o k.jsonl --resume
same "two writers: the second is refused" "1 fdht infer: k.jsonl.partial: another process writes it" "$status $err"
kill -9 $pid
exec 9>&-
wait $pid 2> /dev/null # says that it was killed
same "kill -9: the records are there" "$(head -n 3 whole)" "$(cat k.jsonl.partial)"
absent "kill -9: no result yet" k.jsonl
works "--resume after kill -9" "$FDHT" infer m.h5 $raw v.raw -o k.jsonl --resume
cmp -s whole k.jsonl && pass "kill -9: the same bytes" || fail "kill -9: the same bytes"
"$FDHT" infer m.h5 $raw - --name v.raw -o k2.jsonl < feed 2> note &
pid=$!
exec 9> feed
frames $((192 * 5 * 2)) >&9
for i in $(seq 100); do [ "$(cat k2.jsonl.partial 2> /dev/null | wc -l)" = 2 ] && break; sleep .1; done
kill -TERM $pid
wait $pid
same "SIGTERM: status" 143 $?
exec 9>&-
has "SIGTERM: says how to go on" "$(cat note)" "k2.jsonl.partial holds the records so far; --resume goes on with them"
works "--resume after SIGTERM" "$FDHT" infer m.h5 $raw v.raw -o k2.jsonl --resume
cmp -s whole k2.jsonl && pass "SIGTERM: the same bytes" || fail "SIGTERM: the same bytes"

# ---- a FIFO that nobody writes ----
mkfifo silent
"$FDHT" infer m.h5 $raw silent > /dev/null 2> said &
pid=$!
sleep .5
start=$(date +%s%N)
kill -TERM $pid
wait $pid
same "a silent FIFO: the first SIGTERM ends it" 143 $?
same "a silent FIFO: within a second" 1 "$((($(date +%s%N) - start) / 1000000 < 1000))"
same "a silent FIFO: one line" "fdht infer: interrupted" "$(cat said)"
(sleep 1; frames $((192 * 5)) > silent) &
works "a FIFO that is written late" "$FDHT" infer m.h5 $raw silent
same "a late FIFO: its clip" "silent#0" "$(jq -r .clip "$OUT")"
wait

# ---- names and lists ----
frames $((192 * 5)) | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 - --name camera-1
same "--name" camera-1 "$(jq -r .clip "$OUT")"
frames $((192 * 10)) | run "$FDHT" infer m.h5 $raw - --name camera-1
same "--name: parts" "camera-1#0 camera-1#1" "$(jq -r .clip "$OUT" | xargs)"
odd=$'a\nb\e[31m\x7f\xc2\x9bq.raw'
cp more.raw "$odd"
printf '%s\0' more.raw "$odd" | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --from-stdin -0
same "-0: a name with a newline" "0 2" "$status $(wc -l < "$OUT")"
same "-0: the name" "$odd" "$(jq -r .clip "$OUT" | tail -n +2)"
printf '%s\0' "$odd" | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --from-stdin -0 --format text
has "text: control characters" "$(cat "$OUT")" 'a\nb\x1b[31m\x7f\xc2\x9bq.raw: '
printf '%s\0' "$odd" | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --from-stdin -0 --format tsv
same "tsv: control characters" 'a\nb\x1b[31m\x7f\xc2\x9bq.raw' "$(tail -n 1 "$OUT" | cut -f 1)"
printf '%s\0' "$odd" | run "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --from-stdin -0 --format tsv -o odd.tsv
printf '%s\0' "$odd" > odd.list # a pipe would count the test in a process of its own
works "tsv: --resume knows such names" "$FDHT" infer m.h5 --raw rgb24 --size 8x8 --from-stdin -0 --format tsv -o odd.tsv --resume < odd.list
same "tsv: once" 2 "$(wc -l < odd.tsv)"

# ---- shards ----
for i in 0 1 2; do OMPI_COMM_WORLD_RANK=$i OMPI_COMM_WORLD_SIZE=3 "$FDHT" infer m.h5 "$data" --shard auto -o "s-%i.jsonl"; done
paste -d '\n' s-0.jsonl s-1.jsonl s-2.jsonl > merged
cmp -s all merged && pass "--shard auto, merged: the single run" || fail "--shard auto, merged: the single run"
shard() { # NAME WANT VARIABLE=..
    local name=$1 want=$2
    shift 2
    env "$@" "$FDHT" infer m.h5 "$data" --shard auto > "$OUT" 2> "$ERR"
    "$FDHT" infer m.h5 "$data" --shard "$want" | cmp -s - "$OUT" && pass "$name" || fail "$name" "$(cat "$ERR")"
}
shard "srun" 1/4 SLURM_PROCID=1 SLURM_NTASKS=4
shard "the tasks of a step" 1/2 SLURM_PROCID=1 SLURM_NTASKS=8 SLURM_STEP_NUM_TASKS=2
shard "PMIx" 2/3 PMIX_RANK=2 SLURM_NTASKS=3
shard "a job array" 2/4 SLURM_ARRAY_TASK_ID=9 SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=2
shard "a job array of srun" 5/8 SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_STEP=1 SLURM_PROCID=1 SLURM_NTASKS=2
refused() { # NAME TEXT VARIABLE=..
    local name=$1 text=$2
    shift 2
    run env "$@" "$FDHT" infer m.h5 "$data" --shard auto
    has "$name" "$status $err" "2 fdht infer: --shard auto: $text"
}
refused "nothing set" "none of OMPI_COMM_WORLD_RANK, PMIX_RANK" X=1
refused "a rank without a size" "OMPI_COMM_WORLD_RANK is set, but not OMPI_COMM_WORLD_SIZE" OMPI_COMM_WORLD_RANK=1
refused "a rank too large" "SLURM_PROCID is 4 of 4" SLURM_PROCID=4 SLURM_NTASKS=4
refused "no number" "SLURM_PROCID is 'x', not a number" SLURM_PROCID=x SLURM_NTASKS=4
refused "an array with gaps" "task 7 of an array of 3 from 1 in steps of 1" \
    SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_STEP=1

# ---- matrix and range: that they arrive; what they mean is tested with the reader ----
plane() { head -c 64 /dev/zero | tr '\0' "$1"; }
(printf 'YUV4MPEG2 W8 H8 C444\n'; for f in 'd Z z' '@ p F'; do printf 'FRAME\n'; for v in $f; do plane $v; done; done) > two.y4m
for o in "" "--matrix bt709" "--range full" "--matrix bt601 --range limited" "--matrix auto --range auto"; do
    "$FDHT" infer m.h5 two.y4m --logits $o
done > logits
same "--matrix, --range: three pictures; the defaults are 601 and limited" "1 2 3 1 1" \
    "$(awk '{ if (!($0 in seen)) seen[$0] = ++n; printf "%s%s", (NR > 1 ? " " : ""), seen[$0] }' logits)"
tap_end
