#!/bin/bash
# usage: demo/run.sh [--clips N] [--epochs N] [--threads N]      (make demo)
#
# The whole way once, on real pictures: render labelled action clips, pack them, train a model of about 4,000 parameters, label clips it
# never saw, compress a dense model and repair it. Everything made lies in demo/out; the art in demo/cache. Without flare-game's art
# and without a network: sequences of Fashion-MNIST, if Debian's dataset-fashion-mnist is installed.
set -eu -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
clips=1200 epochs=40 threads=0
while [ $# -gt 0 ]; do
    case $1 in
    --clips | --epochs | --threads)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "demo/run.sh: $1 wants a number" >&2; exit 2; }
        declare "${1#--}=$2"
        shift 2
        ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo/run.sh: unknown argument $1" >&2; exit 2 ;;
    esac
done
out=demo/out
program=${FDHT:-./fdht} renderer=${RENDER:-build/demo/render}
for built in "$program" "$renderer"; do
    [ -x "$built" ] || { echo "demo/run.sh: $built is not built: run make demo" >&2; exit 1; }
done
fdht() { "$program" "$@"; }
render() { "$renderer" "$@"; }
cores=()
[ "$threads" = 0 ] || cores=(--threads "$threads")

# ---- how it talks ----
step=0
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
title() {
    step=$((step + 1))
    printf '\n%s%d. %s%s  %s[%d:%02d]%s\n' "$bold" $step "$1" "$plain" "$dim" $((SECONDS / 60)) $((SECONDS % 60)) "$plain"
}
# Shows a command, then runs it.
show() {
    printf '   %s$ %s%s\n' "$dim" "$*" "$plain" >&2
    "$@"
}
say() { printf '   %s\n' "$*"; }

. demo/measure.sh
size() { echo "$(($(stat -c %s "$1") / 1024)) KiB"; }

demo_clips() {
    local art val test train
    art=$1
    train=$((clips * 7 / 10)) val=$((clips / 10)) test=$((clips / 5))

    title "Clips: $clips pieces of animation, two view directions, eight actions"
    show render --art "$art" --out $out/clips --split "train=$train,val=$val,test=$test"
    render --art "$art" --out $out/still --split "test=$test" --still
    render --art "$art" --out $out/shuffled --split "test=$test" --shuffle
    render --art "$art" --y4m $out/eight.y4m --labels $out/eight.tsv --split test=8
    say "$train for training, $val for validation, $test for the test; no piece of gear is in two of them"

    title "Pack them into data sets"
    for set in train val test; do show fdht pack -f -o $out/$set.h5 $out/clips/$set; done
    fdht pack -q -f -o $out/still.h5 $out/still/test
    fdht pack -q -f -o $out/shuffled.h5 $out/shuffled/test

    title "Train an FDHT-LSTM from scratch on difference frames"
    show fdht train $out/train.h5 --val $out/val.h5 --preset clips-fdht --epochs "$epochs" "${cores[@]}" --seed 1 -f -o $out/model.h5 \
        --log $out/train.jsonl --json >$out/train.json
    parameters=$(number parameters $out/train.json)
    say "$parameters LSTM parameters (a dense LSTM of the same size: 59,245,568), trained in $(number seconds $out/train.json) s"

    title "How good is it on gear it never saw? ($test clips)"
    for set in test still shuffled; do fdht infer $out/model.h5 $out/$set.h5 >$out/$set.jsonl; done
    score=$(accuracy $out/test.jsonl)
    say "unseen gear                          $score"
    say "chance (eight actions)               0.125"
    say "control: the same clips, one frame"
    say "         repeated (nothing moves)    $(accuracy $out/still.jsonl)"
    say "control: the same clips, their"
    say "         frames in random order      $(accuracy $out/shuffled.jsonl)"

    title "Label clips: a folder of pictures, and a video pipe"
    for action in stance run swing; do show fdht infer $out/model.h5 $out/clips/test/$action/0000?; done
    say "the same as a y4m stream, six frames a clip:"
    printf '   %s$ cat eight.y4m | fdht infer model.h5 - --clip-frames 6%s\n' "$dim" "$plain" >&2
    fdht infer $out/model.h5 - --clip-frames 6 --top 2 <$out/eight.y4m | tee $out/eight.jsonl

    demo_dense
    demo_picture
}

demo_dense() {
    title "Compress a dense LSTM (frames reduced to 40x30 grey) and repair it"
    local small=(--resize 40x30 --gray --diff) bare tuned
    show fdht train $out/train.h5 --val $out/val.h5 --cell dense --hidden 64 "${small[@]}" --epochs $((epochs / 2)) --lr 1e-3 "${cores[@]}" \
        --seed 1 -f -o $out/dense.h5 --json >$out/dense.json
    fdht infer $out/dense.h5 $out/test.h5 >$out/dense.jsonl
    show fdht export $out/dense.h5 --layout keras -f -o $out/dense.weights.h5
    show fdht compress $out/dense.weights.h5 --format ht --in-modes 5,6,8,5 --out-modes 16,4,2,2 --rank 12 -f -o $out/small.h5 --json \
        >$out/compress.json
    fdht train $out/train.h5 --init $out/small.h5 --epochs 0 "${small[@]}" -q -f -o $out/bare.h5 >/dev/null
    fdht infer $out/bare.h5 $out/test.h5 >$out/bare.jsonl
    show fdht train $out/train.h5 --val $out/val.h5 --init $out/small.h5 "${small[@]}" --epochs $((epochs / 4)) --lr 1e-3 "${cores[@]}" \
        --seed 1 -f -o $out/tuned.h5 --json >$out/tuned.json
    fdht infer $out/tuned.h5 $out/test.h5 >$out/tuned.jsonl
    say "weights: relative error $(number error_rel $out/compress.json), bound $(number bound_rel $out/compress.json)"
    printf '   %-28s %12s %12s %10s\n' '' 'file' 'parameters' 'accuracy'
    printf '   %-28s %12s %12s %10s\n' 'dense LSTM' "$(size $out/dense.h5)" "$(number parameters_dense $out/compress.json)" \
        "$(accuracy $out/dense.jsonl)"
    printf '   %-28s %12s %12s %10s\n' 'compressed' "$(size $out/small.h5)" "$(number parameters $out/compress.json)" \
        "$(accuracy $out/bare.jsonl)"
    printf '   %-28s %12s %12s %10s\n' 'compressed, then fine-tuned' "$(size $out/tuned.h5)" '(the same)' "$(accuracy $out/tuned.jsonl)"
}

# Eight test clips, one of each action, as the model sees them.
demo_picture() {
    title "A picture of it all"
    sed -n 's/.*"label": *"\([^"]*\)".*"prob": *\([0-9.eE+-]*\).*/\1\t\2/p' $out/eight.jsonl |
        paste <(tail -n +2 $out/eight.tsv | awk -F '\t' -v d=$out/clips '{ print d "/" $1 "\t" $2 }') - >$out/labelled.tsv
    if demo/picture $out/picture.png $out/train.jsonl $out/labelled.tsv \
        "FDHT-LSTM, $parameters parameters: clips of unseen gear, accuracy $score on all of them"; then
        say "$out/picture.png"
    fi
}

demo_fashion() { # FOLDER
    title "Fashion-MNIST as sequences: 7 steps of 4 rows"
    show fdht pack -f -o $out/train.h5 "$1/train-images-idx3-ubyte.gz" --split train=.9,val=.1
    show fdht pack -f -o $out/test.h5 "$1/t10k-images-idx3-ubyte.gz"

    title "Train an FDHT-LSTM from scratch"
    show fdht train $out/train.h5 --cell fdht --in-modes 4,4,7 --out-modes 16,4,4 --rank 8 --hidden 64 --epochs 2 "${cores[@]}" --seed 1 \
        -f -o $out/model.h5 --log $out/train.jsonl --json >$out/train.json
    say "validation accuracy $(number val_accuracy $out/train.json) (chance 0.1)"
    show fdht infer $out/model.h5 $out/test.h5 >$out/test.jsonl
    head -3 $out/test.jsonl
}

rm -rf $out
mkdir -p $out
if art=$(demo/art); then
    demo_clips "$art"
else
    fashion=/usr/share/datasets/fashion-mnist
    [ -d $fashion ] || {
        echo "demo/run.sh: neither flare-game's art nor Debian's dataset-fashion-mnist is here, and there is no network to fetch them" >&2
        exit 1
    }
    say "going on with $fashion"
    demo_fashion $fashion
fi

printf '\n%sDone in %d:%02d.%s What it made:\n' "$bold" $((SECONDS / 60)) $((SECONDS % 60)) "$plain"
for file in picture.png model.h5 train.jsonl test.h5 test.jsonl dense.h5 small.h5 tuned.h5; do
    [ ! -e $out/$file ] || printf '   %-24s %10s\n' "$out/$file" "$(size $out/$file)"
done
