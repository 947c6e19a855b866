#!/bin/bash
# usage: tests/bench/finetune.sh TRAIN.h5 VAL.h5 TEST.h5 [THREADS]
#
# What compression costs and fine-tuning gives back, on labelled clips: dense LSTMs of two starts, compressed at several ranks, before
# and after 3 epochs of fine-tuning, beside ht and fdht cells trained from scratch for as many epochs as the dense ones. Then dense, TT
# and HT models as one FDHT tensor, fine-tuned without and with their original as the teacher. The tables of fdht-compress(1) come
# from here; ONLY=1 or ONLY=2 makes one of them.
set -eu -o pipefail
export LC_ALL=C OPENBLAS_NUM_THREADS=1
program=${FDHT:-./fdht}
fdht() { "$program" "$@"; }
. demo/measure.sh
train=$1 val=$2 test=$3 epochs=20
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
frames=(--resize 40x30 --gray --diff)
common=("${frames[@]}" --seed 1 -f -q --no-progress --threads "${4:-1}" -o)
modes=(--in-modes 5,6,8,5 --out-modes 16,4,2,2)
cd "$(dirname "$0")/../.."

fit() { fdht train "$train" --val "$val" "$@" > /dev/null 2> "$work/err" || { cat "$work/err" >&2; exit 1; }; }
first() {
    row() { printf '| %-16s | %6s | %9s | %7s | %8s | %8s | %12s | %12s |\n' "$@"; }
    row start rank numbers error before 3\ epochs ht\ scratch fdht\ scratch
    row --- --- --- --- --- --- --- ---
    for start in 1 0.1; do
        fit --cell dense --hidden 64 --init-scale $start --epochs $epochs --lr 1e-3 "${common[@]}" "$work/dense.h5"
        row "dense, start $start" - 307200 0 "$(score "$work/dense.h5" "$test")" - - -
        fdht export "$work/dense.h5" --layout keras -f -o "$work/dense.weights.h5"
        for rank in 4 8 16 32; do
            fdht compress "$work/dense.weights.h5" --format ht "${modes[@]}" --rank $rank -f -o "$work/small.h5" --json > "$work/c.json"
            # The weights file knows nothing of frames: zero epochs put that into the model.
            fit --init "$work/small.h5" --epochs 0 "${common[@]}" "$work/bare.h5"
            fit --init "$work/small.h5" --epochs 3 --lr 1e-3 "${common[@]}" "$work/tuned.h5"
            for cell in ht fdht; do
                [ $start = 1 ] || continue
                fit --cell $cell --hidden 64 "${modes[@]}" --rank $rank --epochs $epochs --lr 3e-3 "${common[@]}" "$work/scratch.h5"
                score "$work/scratch.h5" "$test" > "$work/$cell.$rank"
            done
            row "dense, start $start" $rank "$(number parameters "$work/c.json")" "$(number error_rel "$work/c.json" | cut -c 1-5)" \
                "$(score "$work/bare.h5" "$test")" "$(score "$work/tuned.h5" "$test")" "$(cat "$work/ht.$rank")" "$(cat "$work/fdht.$rank")"
        done
    done
}

# original KIND: a model of that kind, and what it knows as dense weights
original() {
    local cell=(--cell "$1" "${modes[@]}")
    [ "$1" != dense ] || cell=(--cell dense --init-scale 0.1)
    fit "${cell[@]}" --hidden 64 --epochs $epochs --lr "$([ "$1" = dense ] && echo 1e-3 || echo 3e-3)" "${common[@]}" "$work/original.h5"
    fdht export "$work/original.h5" --layout keras -f -o "$work/original.weights.h5"
}
second() {
    row() { printf '| %-8s | %8s | %4s | %7s | %5s | %8s | %8s | %8s | %8s |\n' "$@"; }
    row original accuracy rank numbers error before tuned taught scratch
    row --- --- --- --- --- --- --- --- ---
    for rank in 8 16; do
        fit --cell fdht --hidden 64 "${modes[@]}" --rank $rank --epochs 10 --lr 3e-3 "${common[@]}" "$work/scratch.h5"
        score "$work/scratch.h5" "$test" > "$work/scratch.$rank"
    done
    for kind in dense tt ht; do
        original $kind
        for rank in 8 16; do
            fdht compress "$work/original.weights.h5" --format fdht "${modes[@]}" --rank $rank -f -o "$work/small.h5" --json > "$work/c.json"
            fit --init "$work/small.h5" --epochs 0 "${common[@]}" "$work/bare.h5"
            fit --init "$work/small.h5" --epochs 10 --lr 3e-3 "${common[@]}" "$work/tuned.h5"
            fit --init "$work/small.h5" --epochs 10 --lr 3e-3 --teacher "$work/original.h5" --temperature 2 --distill .7 "${common[@]}" "$work/taught.h5"
            row $kind "$(score "$work/original.h5" "$test")" $rank "$(number parameters "$work/c.json")" \
                "$(number error_rel "$work/c.json" | cut -c 1-5)" "$(score "$work/bare.h5" "$test")" "$(score "$work/tuned.h5" "$test")" \
                "$(score "$work/taught.h5" "$test")" "$(cat "$work/scratch.$rank")"
        done
    done
}
[ "${ONLY:-1}" = 2 ] || first
[ "${ONLY:-2}" = 1 ] || second
