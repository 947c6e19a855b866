#!/bin/bash
# How a model was made: kept in its file, shown by info, and the same input gives the same bytes.
. "$(dirname "$0")/lib.sh"
weights=$TOP/tests/data/lstm/torch_1layer.h5
data=$TOP/tests/data/bars.h5
sum() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
works "compress" "$FDHT" compress -q "$weights" -o a.h5 --format tt --max-rank 2
works "info" "$FDHT" info a.h5 --json
json "compress: command and file" '[.origin.command, .origin.weights]' '["compress --format=tt --max-rank=2","torch_1layer.h5"]'
same "compress: sha256sum's digest" "$(sum "$weights")" "$(jq -r .origin.weights_digest < "$OUT")"
json "compress: CPU level" '.origin.kernels | length > 0' true
json "compress: no seed" '.origin.seed' null
cp "$weights" torch_1layer.h5
works "the same file elsewhere" "$FDHT" compress -q torch_1layer.h5 -o b.h5 --format tt --max-rank 2 -@ 1
cmp -s a.h5 b.h5 && pass "the same bytes" || fail "the same bytes"
train=("$FDHT" train "$data" -q --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 2 --seed 7)
works "train" "${train[@]}" -o t.h5
works "train, info" "$FDHT" info t.h5 --json
json "train: what is kept" '[.origin.command, .origin.seed, .origin.data]' \
    '["train --in-modes=8,8,3 --out-modes=4,4,2 --hidden=8 --rank=2 --epochs=2","7","bars.h5"]'
same "train: sha256sum's digest" "$(sum "$data")" "$(jq -r .origin.data_digest < "$OUT")"
works "train again, other threads, with a log" "${train[@]}" -o u.h5 -@ 1 --log u.log
cmp -s t.h5 u.h5 && pass "train: the same bytes" || fail "train: the same bytes"
works "train on" "$FDHT" train "$data" -q --init t.h5 -o v.h5 --epochs 1 --val "$data"
works "train on, info" "$FDHT" info v.h5 --json
json "train on: the model before" '[.origin.command, .origin.init, .origin.before, .origin.validation]' \
    '["train --init=t.h5 --epochs=1 --val=bars.h5","t.h5","train --in-modes=8,8,3 --out-modes=4,4,2 --hidden=8 --rank=2 --epochs=2","bars.h5"]'
same "train on: its digest" "$(sum t.h5)" "$(jq -r .origin.init_digest < "$OUT")"
works "train on twice" "$FDHT" train "$data" -q --init v.h5 -o w.h5 --epochs 1
works "train on twice, info" "$FDHT" info w.h5 --json
json "train on twice: both before" '.origin.before | split("; ") | map(.[0:10])' '["train --in","train --in"]'
works "text" "$FDHT" info v.h5
has "text: before" "$out" "before"
tap_end
