#!/bin/bash
# ranks.sh DATA.h5 [OPTIONS OF TRAIN..] - measured: training on 1, 2 and 4 ranks of one thread on this machine. Strong: batches of 64
# clips, whatever the ranks; weak: 16 clips a rank. Rounds take turns; the median of the epochs behind the first is printed.
cd "$(dirname "$0")/../.." || exit 1
fdht=${FDHT:-./fdht} data=${1:?DATA.h5} rounds=${ROUNDS:-3}
shift
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OPENBLAS_NUM_THREADS=1
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
clips() {
    local ranks=$1 batch=$2
    shift 2
    mpirun --oversubscribe --bind-to none -np "$ranks" "$fdht" train "$data" "$@" --epochs 3 --batch "$batch" -@1 -q -f \
        -o "$dir/m.h5" --log "$dir/l.jsonl" > /dev/null || exit 1
    jq -s 'map(.clips_per_second)[1:][]' "$dir/l.jsonl"
}
for round in $(seq "$rounds"); do
    for ranks in 1 2 4; do
        clips "$ranks" 64 "$@" >> "$dir/strong.$ranks" || exit 1
        clips "$ranks" $((16 * ranks)) "$@" >> "$dir/weak.$ranks" || exit 1
    done
done
printf 'load %s, %s cores; clips a second\nranks  batch 64   16 a rank\n' "$(cut -d' ' -f1 /proc/loadavg)" "$(nproc)"
for ranks in 1 2 4; do
    printf '%5d' "$ranks"
    for kind in strong weak; do sort -n "$dir/$kind.$ranks" | awk '{v[NR] = $1} END {printf "  %8.0f", v[int((NR + 1) / 2)]}'; done
    echo
done
