#!/bin/bash
# fdht export --layout onnx and onnx-compressed: the graph, run by ONNX Runtime, gives the numbers of fdht infer. Needs node, the npm package
# onnxruntime-node below BUILD/peers (make bench-peers installs it), python3-h5py and python3-numpy; skips by name without them.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1 NODE_PATH=${BUILD:-$TOP/build}/peers/node_modules

# Graphs are small: cores, not the matrix.
works "train" fdht train -q "$data/bars.h5" -o fdht.h5 --hidden 8 --in-modes 8,8,3 --out-modes 8,4,1 --rank 3 --epochs 1
works "compressed graph" fdht export fdht.h5 -o c.onnx --layout onnx-compressed
works "dense graph" fdht export fdht.h5 -o d.onnx --layout onnx
[ "$(stat -c %s c.onnx)" -lt $(($(stat -c %s fdht.h5) + 8192)) ] && [ "$(stat -c %s d.onnx)" -gt $((4 * 4 * 8 * (192 + 8))) ] &&
    pass "one has the cores, the other the matrix" || fail "one has the cores, the other the matrix" "$(ls -l c.onnx d.onnx)"
run fdht compress -q "$data/lstm/torch_proj.h5" -o proj.h5 --tol 0.1
fails "ONNX' LSTM has no projection" 1 "fdht export: p.onnx: link 0 (lstm): ONNX' LSTM has no projection: onnx-compressed can" \
    fdht export proj.h5 -o p.onnx --layout onnx
absent "nothing is left" p.onnx

if ! command -v node > node.txt; then
    skip "ONNX Runtime" "node is not here"
elif [ ! -d "$NODE_PATH/onnxruntime-node" ]; then
    skip "ONNX Runtime" "onnxruntime-node is not in $NODE_PATH"
elif ! $python -c 'import h5py, numpy' 2> import.txt; then
    skip "ONNX Runtime" "python3-h5py and python3-numpy are not here"
else
    equal() { # MODEL CLIPS
        local layout
        for layout in onnx onnx-compressed; do
            run $python "$data/export/same.py" "$1" "$2" $layout
            [ "$status" = 0 ] && pass "${1##*/}, $layout: ONNX Runtime gives $out off" || fail "${1##*/}, $layout" "$(said)"
        done
    }
    $python - << 'CLIPS'
import h5py, numpy as np
rng = np.random.default_rng(3)
def clips(name, n):
    with h5py.File(name, "w") as f:
        for k, frames in enumerate((3, 1, 5)):
            f["clip%d" % k] = rng.normal(size=(frames, n)).astype("f4")
for n in range(3, 13):
    clips("x%d.h5" % n, n)
CLIPS
    inputs() {
        fdht info --json "$1" | jq .input_size
    }
    equal fdht.h5 "$data/bars.h5"
    # Every kind of cell, both recurrences; differences and the mean over time.
    for cell in fdht ht tt tr bt dense; do
        for more in "--out-modes 8,4,1" "--out-modes 8,2,2 --diff --pool mean" "--out-modes 6,4,1 --recurrent gru" "--out-modes 8,4,1 --mean 90,20,130 --std 40,50,60" "--out-modes 8,4,1 --diff --mean 90,20,130 --std 40,50,60"; do
            modes="--in-modes 8,8,3 --rank 3 $more"
            [ $cell = dense ] && modes=${more#--out-modes ?,?,?}
            run fdht train -q "$data/bars.h5" -o "$cell.h5" -f --cell $cell --hidden 8 $modes --epochs 1 --seed 5
            same "$cell $more: train" 0 "$status"
            equal $cell.h5 "$data/bars.h5"
        done
    done
    # Boxes in several modes, four modes, merged cores.
    run fdht train -q "$data/bars.h5" -o several.h5 --hidden 8 --in-modes 4,4,4,3 --out-modes 4,2,2,2 --enlarge 2,1,0,0 --hidden-box 2,1,4,1 --rank 4 --epochs 1
    same "boxes in several modes: train" 0 "$status"
    equal several.h5 "$data/bars.h5"
    for chain in backwards max_pool tagger autoencoder states merge_sum merge_mul merge_average merge_concat; do
        clips=$data/chain/$chain.x.h5
        [ -f "$clips" ] || clips=x$(inputs "$data/chain/$chain.h5").h5
        equal "$data/chain/$chain.h5" "$clips"
    done
    for weights in torch_2layer torch_bidir torch_proj keras2_model_hard_sigmoid; do
        for format in fdht ht tt tr; do
            run fdht compress -q "$data/lstm/$weights.h5" -o $weights.h5 -f --format $format --tol 0.3
            same "$weights as $format: compress" 0 "$status"
            layout=onnx-compressed
            run $python "$data/export/same.py" $weights.h5 "x$(inputs $weights.h5).h5" $layout
            [ "$status" = 0 ] && pass "$weights as $format: ONNX Runtime gives $out off" || fail "$weights as $format" "$(said)"
        done
    done
fi
tap_end
