#!/bin/bash
# Long runs: memory and descriptors stay where they are after the first quarter of 100,000 clips and of a thousand epochs. Prints a table.
# SOAK_CLIPS, SOAK_EPOCHS, SOAK_VIDEOS: shorter or longer runs. The bound: 1,024 KiB of resident memory and 4 descriptors (those
# of the clip that is read) more than the most of the second quarter.
set -m
. "$(dirname "$0")/lib.sh"
inputs
CLIPS=${SOAK_CLIPS:-100000} EPOCHS=${SOAK_EPOCHS:-1000} VIDEOS=${SOAK_VIDEOS:-1000}
BOUND=1024
table=$BUILD/soak.txt
: > "$table"

# watch TITLE PID - until it ends; `seconds resident_KiB descriptors` ten times a second
watch() {
    local title=$1 pid=$2 status start now kib n
    : > samples
    start=$(date +%s%N)
    while [ -r "/proc/$pid/status" ]; do
        kib=$(awk '$1 == "VmRSS:" {print $2}' "/proc/$pid/status" 2> /dev/null)
        n=$(ls "/proc/$pid/fd" 2> /dev/null | wc -l)
        now=$((($(date +%s%N) - start) / 1000000))
        [ -z "$kib" ] || echo "$now $kib $n" >> samples
        sleep 0.1
    done
    wait "$pid"
    status=$?
    sed -i '$d' samples # the process may be half gone
    awk -v title="$title" -v bound=$BOUND '
        {t[NR] = $1; kib[NR] = $2; fd[NR] = $3}
        function most(of, from, to,   i, m) {m = 0; for (i = from; i <= to; i++) if (of[i] > m) m = of[i]; return m}
        END {
            if (NR < 20) {print "too short: " NR " samples"; exit 1}
            q = int(NR / 4)
            printf "%-34s %8.1f s  KiB by quarter %7d %7d %7d %7d  descriptors %d %d %d %d\n", title, t[NR] / 1000,
                most(kib, 1, q), most(kib, q + 1, 2 * q), most(kib, 2 * q + 1, 3 * q), most(kib, 3 * q + 1, NR),
                most(fd, 1, q), most(fd, q + 1, 2 * q), most(fd, 2 * q + 1, 3 * q), most(fd, 3 * q + 1, NR)
            exit most(kib, 2 * q + 1, NR) > most(kib, q + 1, 2 * q) + bound || most(fd, 2 * q + 1, NR) > most(fd, q + 1, 2 * q) + 4
        }' samples > row
    flat=$?
    sed 's/^/# /' row
    cat row >> "$table"
    [ $flat = 0 ] && [ $status = 0 ] && pass "$title: flat" || fail "$title: flat" "status $status, $(tail -n 2 err)"
}

"$FDHT" train "$IN/clips" -q -o g.h5 --in-modes 8,8 --out-modes 8,4 --hidden 8 --rank 2 --epochs 1 > /dev/null || exit 1

# a pipe that never seems to end
for k in $(seq 600); do printf 'FRAME\n' && head -c 64 /dev/zero | tr '\0' "\\$(printf %03o $((k % 200 + 1)))"; done > piece
{ printf 'YUV4MPEG2 W8 H8 Cmono F25:1\n' && for ((k = 0; k < CLIPS / 100; k++)); do cat piece; done; } |
    "$FDHT" infer g.h5 - --clip-frames 6 > records 2> err &
watch "infer: $CLIPS clips of a pipe" "$(jobs -p | tail -n 1 | xargs -I{} pgrep -g {} -x fdht)"
same "a record each" $((CLIPS / 100 * 100)) "$(wc -l < records)"

for ((k = 0; k < CLIPS; k++)); do echo "$IN/clips/one/$((k % 3 + 1))"; done > paths
"$FDHT" infer g.h5 --from-stdin < paths > records 2> err &
watch "infer: $CLIPS folders" $!
same "a record each" "$CLIPS" "$(wc -l < records)"

for ((k = 0; k < CLIPS / 10; k++)); do echo "$IN/bars.h5"; done | head -n $((CLIPS / 90)) > paths
"$FDHT" infer "$IN/m.h5" --from-stdin < paths > records 2> err &
watch "infer: $((CLIPS / 90)) data sets of 90" $!

"$FDHT" train "$IN/bars.h5" -q -o "$scratch/v.h5" "${shape[@]}" --epochs 0 > /dev/null
cp "$TOP/tests/data/clips/small.mp4" .
if "$FDHT" infer "$scratch/v.h5" small.mp4 --resize > "$OUT" 2> "$ERR"; then
    for ((k = 0; k < VIDEOS; k++)); do echo small.mp4; done > paths
    "$FDHT" infer "$scratch/v.h5" --from-stdin --resize < paths > records 2> err &
    watch "infer: $VIDEOS videos" $!
else
    skip "videos" "no libavformat here"
fi

"$FDHT" train "$IN/bars.h5" -q -o t.h5 "${shape[@]}" --epochs "$EPOCHS" --checkpoint t.ck --log t.log > "$OUT" 2> err &
watch "train: $EPOCHS epochs" $!
tap_end
