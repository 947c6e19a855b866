#!/bin/bash
# usage: demo/run.sh [--clips N] [--epochs N] [--threads N] [--out DIR]      (make demo)
#
# The whole way once, on real pictures: render labelled action clips, pack them, train a model of about 4,000 parameters, label clips it
# never saw, compress a dense model and repair it. Everything made lies in demo/out; the art in demo/cache. Without flare-game's art
# and without a network: sequences of Fashion-MNIST, if Debian's dataset-fashion-mnist is installed.
set -eu -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
clips=1200 epochs=40 threads=0 out=demo/out
while [ $# -gt 0 ]; do
    case $1 in
    --clips | --epochs | --threads)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "demo/run.sh: $1 wants a number" >&2; exit 2; }
        declare "${1#--}=$2"
        shift 2
        ;;
    --out)
        [ $# -gt 1 ] && [ ! -e "$2" ] || { echo "demo/run.sh: --out wants a folder that does not exist yet" >&2; exit 2; }
        out=$2
        shift 2
        ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo/run.sh: unknown argument $1" >&2; exit 2 ;;
    esac
done
program=${FDHT:-./fdht} renderer=${RENDER:-build/demo/render}
for built in "$program" "$renderer"; do
    [ -x "$built" ] || { echo "demo/run.sh: $built is not built: run make demo" >&2; exit 1; }
done
fdht() { "$program" "$@"; }
render() { "$renderer" "$@"; }
cores=()
[ "$threads" = 0 ] || cores=(--threads "$threads")
. demo/measure.sh

# ---- how it talks ----
exec 3>&1 # so that the result of a command that is shown can go to a file
step=0
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
title() {
    step=$((step + 1))
    printf '\n%s%d. %s%s  %s[%d:%02d]%s\n' "$bold" $step "$1" "$plain" "$dim" $((SECONDS / 60)) $((SECONDS % 60)) "$plain"
}
# Shows a command as one may type it, then runs it.
show() {
    local words="$*"
    words=${words//"$PWD/"/}
    case $1 in
    fdht) words=./$words ;;
    render) words=build/demo/$words ;;
    esac
    printf '   %s$ %s%s\n' "$dim" "$words" "$plain" >&3
    "$@"
}
say() { printf '   %s\n' "$*"; }
row() { printf '   %-42s %10s %12s %10s\n' "$@"; }
size() { echo "$(($(stat -c %s "$1") / 1024)) KiB"; }

# ---- the steps ----
demo_clips() {
    local train=$((clips * 7 / 10)) val=$((clips / 10)) test=$((clips / 5)) set
    title "Clips: $clips pieces of animation, two view directions, eight actions"
    show render --art "$1" --out $out/clips --split "train=$train,val=$val,test=$test"
    render --art "$1" --y4m $out/eight.y4m --labels $out/eight.tsv --split test=8
    say "$train for training, $val for validation, $test for the test; no piece of gear is in two of them"

    title "Pack them into data sets"
    for set in train val test; do show fdht pack -f -o $out/$set.h5 $out/clips/$set | sed 's/^packed/   packed/'; done

    title "Train an FDHT-LSTM from scratch on difference frames"
    show fdht train $out/train.h5 --val $out/val.h5 --preset clips-fdht --shift 8 --epochs "$epochs" "${cores[@]}" --seed 1 -f \
        -o $out/model.h5 --log $out/train.jsonl --json >$out/train.json
    parameters=$(number parameters $out/train.json)
    say "$parameters LSTM parameters (a dense LSTM of the same size has 59,245,568), trained in $(number seconds $out/train.json | cut -d . -f 1) s"

    title "How good is it on gear it never saw?"
    score=$(score $out/model.h5 $out/test.h5)
    row "$test test clips" '' accuracy "$score"
    row 'chance: eight actions' '' '' 0.125
    row 'control: one frame repeated, nothing moves' '' '' "$(score $out/model.h5 $out/test.h5 --control single)"
    row 'control: frames in random order' '' '' "$(score $out/model.h5 $out/test.h5 --control shuffle)"
}

demo_label() {
    title "Label clips: folders of pictures, a video pipe, and video files"
    show fdht infer $out/model.h5 $out/clips/test/{stance/00000,run/00001,swing/00002,die/00007}
    say "${dim}\$ ./fdht infer $out/model.h5 - --clip-frames 6 --top 2 <$out/eight.y4m$plain"
    fdht infer $out/model.h5 - --clip-frames 6 --top 2 <$out/eight.y4m | tee $out/eight.jsonl
    if command -v ffmpeg >/dev/null && ffmpeg -nostdin -v error -y -i $out/eight.y4m -c:v libx264 -crf 12 $out/eight.mp4 2>/dev/null; then
        say "${dim}\$ ./fdht infer $out/model.h5 $out/eight.mp4 --clip-frames 6$plain"
        fdht infer $out/model.h5 $out/eight.mp4 --clip-frames 6 | tee $out/film.jsonl
    else
        say "(no ffmpeg here that makes an MP4 file of them)"
    fi
}

# A dense LSTM that starts from small weights, so that training and not chance decides what is in them.
demo_dense() {
    local small=(--resize 40x30 --gray --diff) common=("${cores[@]}" --seed 1 -f)
    title "Compress a dense LSTM (frames reduced to 40x30 grey), then fine-tune"
    show fdht train $out/train.h5 --val $out/val.h5 --cell dense --hidden 64 --init-scale 0.1 "${small[@]}" --epochs 20 --lr 1e-3 \
        "${common[@]}" -o $out/dense.h5 >/dev/null
    show fdht export $out/dense.h5 --layout keras -f -o $out/dense.weights.h5
    show fdht compress $out/dense.weights.h5 --format ht --in-modes 5,6,8,5 --out-modes 16,4,2,2 --rank 16 -f -o $out/small.h5 --json \
        >$out/compress.json
    # The weights file knows nothing of frames: zero epochs put that into the model.
    show fdht train $out/train.h5 --init $out/small.h5 "${small[@]}" --epochs 0 "${common[@]}" -q -o $out/bare.h5 >/dev/null
    show fdht train $out/train.h5 --val $out/val.h5 --init $out/small.h5 "${small[@]}" --epochs 10 --lr 1e-3 "${common[@]}" \
        -o $out/tuned.h5 >/dev/null
    row '' file 'input map' accuracy
    row 'dense LSTM' "$(size $out/dense.h5)" "$(number parameters_dense $out/compress.json)" "$(score $out/dense.h5 $out/test.h5)"
    row 'compressed: hierarchical Tucker, rank 16' "$(size $out/bare.h5)" "$(number parameters $out/compress.json)" \
        "$(score $out/bare.h5 $out/test.h5)"
    row 'and fine-tuned for 10 epochs' "$(size $out/tuned.h5)" 'the same' "$(score $out/tuned.h5 $out/test.h5)"
    say "error of the compressed weights: $(number error_rel $out/compress.json | cut -c 1-5) (||W - W'|| / ||W||, measured; bound $(
        number bound_rel $out/compress.json | cut -c 1-5))"
}

# Eight test clips, one of each action, and what the model said of them.
demo_picture() {
    title "A picture of it all"
    sed -n 's/.*"label": *"\([^"]*\)","class.*"prob": *\([0-9.eE+-]*\),"top.*/\1\t\2/p' $out/eight.jsonl |
        paste <(tail -n +2 $out/eight.tsv | awk -F '\t' -v d=$out/clips '{ print d "/" $1 "\t" $2 }') - >$out/labelled.tsv
    demo/picture $out/picture.png $out/train.jsonl $out/labelled.tsv \
        "FDHT-LSTM, $parameters parameters: clips of unseen gear; accuracy on all of them $score" && say "$out/picture.png"
}

demo_fashion() { # FOLDER
    title "Fashion-MNIST as sequences: 7 steps of 4 rows"
    show fdht pack -f -o $out/train.h5 "$1/train-images-idx3-ubyte.gz" --split train=.9,val=.1 | sed 's/^packed/   packed/'
    show fdht pack -f -o $out/test.h5 "$1/t10k-images-idx3-ubyte.gz" | sed 's/^packed/   packed/'

    title "Train an FDHT-LSTM from scratch"
    show fdht train $out/train.h5 --cell fdht --in-modes 4,4,7 --out-modes 16,4,4 --rank 8 --hidden 64 --epochs 3 "${cores[@]}" --seed 1 \
        -f -o $out/model.h5 --log $out/train.jsonl $(! command -v gnuplot >/dev/null || echo "--plot $out/curves.png") >/dev/null
    say "accuracy on 10,000 test pictures $(score $out/model.h5 $out/test.h5), chance 0.1"

    title "Label the first of them"
    show fdht infer $out/model.h5 $out/test.h5 >$out/test.jsonl
    head -3 $out/test.jsonl
}

[ "$out" != demo/out ] || rm -rf demo/out
mkdir -p "$out"
if art=$(demo/art); then
    demo_clips "$art"
    demo_label
    demo_dense
    demo_picture || true
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
for file in picture.png curves.png model.h5 train.jsonl test.h5 eight.jsonl dense.h5 small.h5 tuned.h5; do
    [ ! -e $out/$file ] || printf '   %-24s %10s\n' "$out/$file" "$(size $out/$file)"
done
