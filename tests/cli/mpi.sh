#!/bin/bash
# fdht train and infer over the ranks of mpirun: the same bytes as in one process, and an end for every failure.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
if ! command -v mpirun > /dev/null; then
    skip "ranks" "no mpirun here"
    tap_end
    exit
elif ! ldd "$FDHT" | grep -q libmpi; then
    skip "ranks" "built without MPI (./configure --with-mpi)"
    tap_end
    exit
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks() { timeout -k 5 200 mpirun --oversubscribe --bind-to none -np "$@"; }
cell=(--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff --lr 1e-2 --seed 3)
extra=(--shift 1 --recurrent-dropout .2 --frames 4 --sample random --core-lr .02 --balance --ema .9 --teacher teacher.h5 -q -f)
"$FDHT" train "$data" "${cell[@]}" --cell tt --epochs 3 -q -o teacher.h5 > /dev/null
train() { "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" "$@"; }
bytes() { md5sum < "$1"; }

works "one process" train --epochs 6 -o one.h5
sed 's/in [0-9.]* s/in T s/' "$OUT" > one.txt
for n in 1 2 3 4; do
    for threads in 1 2; do
        works "$n ranks, $threads threads" ranks $n "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" --epochs 6 -@$threads -o many.h5
        same "$n ranks, $threads threads: the same file" "$(bytes one.h5)" "$(bytes many.h5)"
        same "$n ranks, $threads threads: one result" "$(cat one.txt)" "$(sed 's/in [0-9.]* s/in T s/; s/many.h5/one.h5/' "$OUT")"
    done
done
# several files, a window over shuffled blocks, no memory for clips
parts=$TOP/tests/data/bars
windowed() { "$FDHT" train "$parts" "${cell[@]}" "${extra[@]}" --window 19k --memory 1 "$@"; }
works "a window" windowed --epochs 3 -o w.h5
for n in 2 3; do
    works "a window, $n ranks" ranks $n "$FDHT" train "$parts" "${cell[@]}" "${extra[@]}" --window 19k --memory 1 --epochs 3 -o many.h5 -@1
    same "a window, $n ranks: the same file" "$(bytes w.h5)" "$(bytes many.h5)"
done
run ranks 2 "$FDHT" train "$data" "${cell[@]}" -f -o many.h5 --epochs 3 --log l.jsonl
same "a line an epoch, of rank 0" 3 "$(grep -c '^epoch [123]/3  loss ' "$ERR")"
same "one log" "1 2 3" "$(jq .epoch l.jsonl | tr '\n' ' ' | sed 's/ $//')"

# a rate that short runs choose is the same for all, and so is what is wrong with a teacher
scan=(--lr-scan --epochs 20 -q -f --json)
"$FDHT" train "$data" "${cell[@]}" "${scan[@]}" -o one.h5 > one.json
run ranks 3 "$FDHT" train "$data" "${cell[@]}" "${scan[@]}" -o many.h5
same "--lr-scan: the same rates" "$(jq -c '[.lr, .lr_scan]' one.json)" "$(jq -c '[.lr, .lr_scan]' "$OUT")"
same "--lr-scan: the same file" "$(bytes one.h5)" "$(bytes many.h5)"
run ranks 2 bash -c 'f=teacher.h5; [ $OMPI_COMM_WORLD_RANK = 1 ] && f=nope.h5; exec "$1" train "$2" --teacher $f -f -o m.h5 "${@:3}"' - "$FDHT" "$data" "${cell[@]}"
has "one rank has no teacher" "$(grep '^fdht' "$ERR")" "fdht train: rank 1: nope.h5: No such file or directory"
same "one rank has no teacher: status" 1 "$status"

# infer: the same records in the same order
bad=$PWD/bad
mkdir bad && echo text > bad/1.png
for args in "--score" "--format tsv --logits" "--batch 3 --top 2"; do
    run "$FDHT" infer one.h5 "$data" bad "$data" $args
    cp "$OUT" one.txt
    one=$status score=$(grep -v bad "$ERR")
    for n in 2 3 4; do
        run ranks $n "$FDHT" infer one.h5 "$data" bad "$data" $args
        same "infer $args, $n ranks: status" "$one" "$status"
        same "infer $args, $n ranks: the same records" "$(bytes one.txt)" "$(bytes "$OUT")"
        same "infer $args, $n ranks: the score" "$score" "$(grep '^fdht\|^accuracy' "$ERR" | grep -v bad)"
    done
done
works "infer -o" ranks 3 "$FDHT" infer one.h5 "$data" -o many.jsonl
same "infer -o: the same records" "$("$FDHT" infer one.h5 "$data" | md5sum)" "$(bytes many.jsonl)"
works "infer --shard auto: processes by themselves" ranks 3 "$FDHT" infer one.h5 "$data" --shard auto -o part.%i.jsonl
same "infer --shard auto: dealt back" "$(bytes many.jsonl)" "$(paste -d '\n' part.?.jsonl | sed '/^$/d' | md5sum)"
run ranks 2 "$FDHT" infer one.h5 "$data" --stream
same "infer --stream: status" 2 "$status"
same "infer --stream: one line" "fdht infer: ranks share the clips: no --stream, --from-stdin, --split (see fdht help infer)" "$(grep '^fdht' "$ERR")"

# --fixed16: the ranges are those of the first clips, whoever runs which clip
run "$FDHT" infer one.h5 bad "$data" --fixed16 --logits
cp "$OUT" fixed.txt
for n in 2 3; do
    run ranks $n "$FDHT" infer one.h5 bad "$data" --fixed16 --logits
    same "infer --fixed16, $n ranks: the same records" "$(bytes fixed.txt)" "$(bytes "$OUT")"
done
for i in 0 1 2; do "$FDHT" infer one.h5 bad "$data" --fixed16 --logits --shard $i/3 -o fixed.$i.jsonl 2> /dev/null; done
same "infer --fixed16: shards" "$(bytes fixed.txt)" "$(paste -d '\n' fixed.?.jsonl | sed '/^$/d' | md5sum)"

# --resume: behind any number of records, with the last of them cut off in its middle
whole=$(bytes fixed.txt)
for n in 2 3; do
    for records in $((n - 2)) $((20 * n)); do
        head -n "$records" fixed.txt > r.jsonl.partial
        [ "$records" = 60 ] || sed -n "$((records + 1))p" fixed.txt | head -c 20 >> r.jsonl.partial
        rm -f r.jsonl
        run ranks $n "$FDHT" infer one.h5 bad "$data" --fixed16 --logits -o r.jsonl --resume
        same "infer --resume, $n ranks, $records records: the same records" "$whole" "$(bytes r.jsonl)"
        same "infer --resume, $n ranks, $records records: status of the whole" 1 "$status"
    done
done
run ranks 2 "$FDHT" infer one.h5 bad "$data" --fixed16 --logits -o r.jsonl --resume
same "infer --resume of a file that is whole" "$whole" "$(bytes r.jsonl)"
head -n 5 fixed.txt > q.jsonl.partial
run ranks 2 "$FDHT" infer one.h5 "$data" --fixed16 --logits -o q.jsonl --resume
same "infer --resume with other inputs: status" 2 "$status"
has "infer --resume with other inputs" "$(grep '^fdht' "$ERR")" "fdht infer: "
head -n 5 fixed.txt > q.jsonl.partial
run ranks 2 "$FDHT" infer one.h5 bad "$data" -o q.jsonl --resume
has "infer --resume with other options" "$(grep '^fdht' "$ERR")" "--resume: the last record of q.jsonl"

# simulate: the points of a sweep and of a search
for args in "--sweep macs_per_pe=4,8,16 --csv one.csv" "--search" "--sweep n_pe=8,16 --search --json"; do
    works "simulate $args" "$FDHT" simulate one.h5 $args -f
    cp "$OUT" one.txt
    works "simulate $args, 3 ranks" ranks 3 "$FDHT" simulate one.h5 ${args/one.csv/many.csv} -f
    same "simulate $args, 3 ranks: the same table" "$(grep -v seconds one.txt)" "$(grep -v seconds "$OUT")"
done
same "simulate --csv: the same file" "$(bytes one.csv)" "$(bytes many.csv)"
run ranks 2 "$FDHT" simulate one.h5
same "simulate without points: one line" "fdht simulate: ranks share the points of --sweep and --search; there are none (see fdht help simulate)" "$(grep '^fdht' "$ERR")"

# failures: one line of ours, a status, no hanging
ours() { grep -c '^fdht' "$ERR"; }
run ranks 3 "$FDHT" train nope.h5 -o m.h5
same "missing data: status" 1 "$status"
same "missing data: one line" "fdht train: nope.h5: No such file or directory" "$(grep '^fdht' "$ERR")"
run ranks 2 "$FDHT" train "$data" -o m.h5 --epochs x
same "an option: status" 2 "$status"
same "an option: one line" 1 "$(ours)"
run ranks 2 "$FDHT" train --help
same "help once" 1 "$(grep -c '^usage:' "$OUT")"
run ranks 2 bash -c 'f=$2; [ $OMPI_COMM_WORLD_RANK = 1 ] && f=nope.h5; exec "$1" train $f -o m.h5 "${@:3}"' - "$FDHT" "$data" "${cell[@]}"
has "one rank has no data" "$(grep '^fdht' "$ERR")" "fdht train: rank 1: nope.h5: No such file or directory"
same "one rank has no data: status" 1 "$status"

# start NAME N OPTIONS..: N ranks in the background that leave their process numbers in pid.*; waits for a first checkpoint
start() {
    local name=$1 n=$2
    shift 2
    rm -f pid.* "$name.c.h5"
    ranks "$n" bash -c 'echo $$ > pid.$OMPI_COMM_WORLD_RANK; exec "$@"' - "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" \
        -o "$name.h5" --checkpoint "$name.c.h5" "$@" > "$OUT" 2> "$ERR" &
    job=$!
    for i in $(seq 2000); do [ -f "$name.c.h5" ] && break || sleep .02; done
}
finish() {
    wait $job
    status=$?
}
gone() {
    local left i
    for i in $(seq 100); do
        left=$(ps -o pid=,stat= -p "$(cat pid.* | paste -sd,)" | awk '$2 !~ /Z/ {print $1}')
        [ -z "$left" ] && break || sleep .1
    done
    same "$1" "" "$left"
}
works "without interruption" train --epochs 120 -o whole.h5
start part 3 --epochs 120
kill -9 "$(cat pid.1)" 2> /dev/null
finish
[ $status != 0 ] && [ $status != 124 ] && pass "a rank dies: status" || fail "a rank dies: status" "$status"
gone "a rank dies: no rank is left"
works "the checkpoint is whole" "$FDHT" info part.c.h5
works "resumed on 2 ranks" ranks 2 "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" --epochs 120 -o part.h5 --checkpoint part.c.h5 --resume
same "resumed on 2 ranks: the same file" "$(bytes whole.h5)" "$(bytes part.h5)"
start part 2 --epochs 120
kill -9 "$(cat pid.0)" 2> /dev/null
finish
gone "rank 0 dies: no rank is left"
works "resumed in one process" train --epochs 120 -o part.h5 --checkpoint part.c.h5 --resume
same "resumed in one process: the same file" "$(bytes whole.h5)" "$(bytes part.h5)"

# infer: a rank is killed in the middle; the records so far are whole, and those that are missing are added
for i in $(seq 150); do echo "$data"; done > many.txt
"$FDHT" infer one.h5 $(cat many.txt) --logits > all.jsonl
for rank in 0 1; do
    rm -f pid.* k.jsonl*
    ranks 3 bash -c 'echo $$ > pid.$OMPI_COMM_WORLD_RANK; exec "$@"' - "$FDHT" infer one.h5 $(cat many.txt) --logits -o k.jsonl > "$OUT" 2> "$ERR" &
    job=$!
    for i in $(seq 1000); do [ -s k.jsonl.partial ] && break || sleep .01; done
    kill -9 "$(cat pid.$rank)"
    finish
    [ $status != 0 ] && [ $status != 124 ] && pass "infer: rank $rank dies: status" || fail "infer: rank $rank dies: status" "$status"
    gone "infer: rank $rank dies: no rank is left"
    there "infer: rank $rank dies: before the end" k.jsonl.partial
    works "infer: resumed" ranks 2 "$FDHT" infer one.h5 $(cat many.txt) --logits -o k.jsonl --resume
    same "infer: resumed: the same records" "$(bytes all.jsonl)" "$(bytes k.jsonl)"
done

start int 3 --epochs 1000000
kill -INT "$(cat pid.2)"
finish
same "one rank is interrupted: status" 130 "$status"
gone "one rank is interrupted: no rank is left"
works "one rank is interrupted: the best values so far" "$FDHT" infer int.h5 "$data"
start term 2 --epochs 1000000
kill -TERM "$(pgrep -P $job)"
finish
[ $status != 0 ] && [ $status != 124 ] && pass "mpirun is stopped: status" || fail "mpirun is stopped: status" "$status"
gone "mpirun is stopped: no rank is left"
works "mpirun is stopped: the checkpoint is whole" "$FDHT" info term.c.h5

# a disk that is full for rank 0
start full 3 --epochs 1000000
prlimit --pid "$(cat pid.0)" --fsize=1000:1000
finish
same "a full disk: status" 1 "$status"
gone "a full disk: no rank is left"
same "a full disk: one line" 1 "$(ours)"
has "a full disk: names the file" "$(grep '^fdht' "$ERR")" "full.c.h5"
works "a full disk: the checkpoint before is whole" "$FDHT" info full.c.h5
# what SIGKILL hit in the middle of a checkpoint stays, as it must; these ended by themselves
same "nothing half-written is left" "" "$(find . -name '.full*.tmp-*')"
tap_end
