#!/bin/bash
# fdht compress: what it writes and prints for known weights, the rank rules, and what it refuses.
. "$(dirname "$0")/lib.sh"
L=$TOP/tests/data/lstm
see="(see fdht help compress)"

for f in fdht ht tt tr bt; do
    run "$FDHT" compress "$TOP/tests/data/gru/torch_1layer.h5" -o gru.h5 -f --format $f --rank 12
    same "a GRU as $f: status" 0 "$status"
    same "a GRU as $f" "gru $f" "$("$FDHT" info gru.h5 --json | jq -r '.recurrent + " " + .cell')"
done

# usage
fails "no file" 2 "fdht compress: expected one WEIGHTS.h5, got 0 $see" "$FDHT" compress
fails "stdin" 2 "fdht compress: -: HDF5 cannot be read from a pipe (it needs seek) $see" "$FDHT" compress - -o m.h5 --rank 2
run "$FDHT" compress "$L/torch_1layer.h5" --rank 2
same "no output: status" 2 "$status"
fails "no rule" 2 "fdht compress: give --tol, --rank, --ranks, --max-rank, --max-params or --ratio; --dry-run shows what \
errors they cost $see" "$FDHT" compress "$L/torch_1layer.h5" -o m.h5
for bad in "--tol 0" "--tol 2" "--tol 0.1x" "--rank 0" "--rank -1" "--ratio 0.5" "--svd lu" "--format cp" "--layout caffe" \
    "--tree (1,2 --rank 2" "--tree ((1,2),3) --rank 2" "--in-modes 2,4 --rank 2" "--out-modes 5,5 --rank 2" \
    "--out-modes 5,4 --in-modes 7,1 --rank 2" "--in-modes 7,x --rank 2" "--gate-order ifgg --rank 2" \
    "--rank 2 --ranks 1,1" "--ranks 1,2,3 --in-modes 7,1 --out-modes 4,5" "--enlarge-mode 1 --enlarge 1,1 --rank 2" \
    "--enlarge-mode 1 --format tt --rank 2" "--tree linear --format tr --rank 2" "--layer nope --rank 2" \
    "--hidden-box 9,9 --in-modes 7,1 --out-modes 4,5 --rank 2" "--rank 2 --csv c.csv" \
    "--recurrent-activation unknown --rank 2" "--blocks 2 --rank 2" "--format bt --blocks 0 --rank 2" \
    "--format bt --ranks 1,2" "--format all --rank 2" "--format bt --tree linear --rank 2"; do
    run "$FDHT" compress "$L/torch_1layer.h5" -o m.h5 $bad
    same "$bad: status" 2 "$status"
    same "$bad: one line" 1 "$(wc -l < "$ERR")"
done
same "the wrong product is named" \
    "fdht compress: input modes 2,4: product 8, lstm has 7 inputs $see" \
    "$("$FDHT" compress "$L/torch_1layer.h5" -o m.h5 --in-modes 2,4 --rank 2 2>&1)"
fails "an activation that the file does not say" 2 \
    "fdht compress: lstm: the file does not say the recurrent activation: give --recurrent-activation $see" \
    "$FDHT" compress "$L/keras2_weights.h5" -o m.h5 --rank 2
fails "a missing input" 1 "fdht compress: nope.h5: No such file or directory" "$FDHT" compress nope.h5 -o m.h5 --rank 2
echo text > text
run "$FDHT" compress text -o m.h5 --rank 2
same "not HDF5: status" 3 "$status"
absent "nothing written so far" m.h5
cp "$L/torch_1layer.h5" w.h5
ln -s w.h5 link.h5
run "$FDHT" compress w.h5 -o w.h5 --rank 2 --force
same "input is output: status" 2 "$status"
run "$FDHT" compress w.h5 -o link.h5 --rank 2 --force
same "input is output through a link: status" 2 "$status"

# one layer
works "tol" "$FDHT" compress w.h5 -o m.h5 --in-modes 7,1 --out-modes 4,5 --tol 0.3 --json
json "all keys" '[.error_rel,.bound_rel,.parameters,.ratio,.seconds,.peak_memory_bytes,.nodes] | map(. != null) | all' true
json "schema" .schema '"fdht.compress/1"'
json "within the tolerance and the bound" '.error_rel <= 0.3 and .error_rel <= .bound_rel and .error_rel > 0' true
json "dense size" .parameters_dense $((4 * 5 * (7 + 5)))
json "modes" '[.in_modes, .out_modes, .tree]' '[[12,1],[4,5],"(1,2)"]'
json "nodes keep what they report" '[.nodes[] | .rank == (.kept | length)] | all' true
json "nodes are sorted" '[.nodes[] | (.kept + .dropped) as $s | $s == ($s | sort | reverse)] | all' true
json "the import is exact to rounding" '.self_check.import_difference < 1e-6' true
there "the model" m.h5
run "$FDHT" compress w.h5 -o m.h5 --rank 2
same "an existing output: status" 1 "$status"
has "an existing output: says --force" "$err" "--force"
works "--force" "$FDHT" compress w.h5 -o m.h5 --rank 2 --force
has "text: table" "$out" "first dropped"
has "text: measured" "$out" "measured, "
works "full rank" "$FDHT" compress w.h5 -o full.h5 --rank 999 --json
json "is exact to float rounding" '.error_rel < 1e-6 and .self_check.output_difference < 1e-5' true
for f in fdht ht tt tr bt; do
    works "--format $f" "$FDHT" compress w.h5 -o $f.h5 --format $f --in-modes 7,1 --out-modes 4,5 --rank 999 --json
    json "--format $f: full rank" '.error_rel < 1e-6 and .self_check.output_difference < 1e-5' true
done
for f in fdht ht tt tr; do
    works "--format $f: automatic modes" "$FDHT" compress w.h5 -o auto.h5 -f --format $f --rank 8 --json
    json "--format $f: their number is the model's" '"\(.parameters) parameters" as $p | .why | contains(" \($p)")' true
done
for t in balanced linear "((1,3),2)"; do
    works "--tree $t" "$FDHT" compress w.h5 -o tree.h5 --force --in-modes 7,1,1 --out-modes 4,5,1 --tree "$t" --svd qr --tol 1e-5 --json
    json "--tree $t: tolerance" '.error_rel <= 1e-5' true
done
works "--enlarge" "$FDHT" compress w.h5 -o e.h5 --in-modes 7,1 --out-modes 4,5 --enlarge 5,1 --hidden-box 5,1 --rank 99 --json
json "--enlarge: modes" '[.in_modes, .error_rel < 1e-6]' '[[12,2],true]'
works "--max-params" "$FDHT" compress w.h5 -o p.h5 --in-modes 7,1 --out-modes 4,5 --max-params 150 --json
json "--max-params: kept" '.parameters <= 150' true
works "--ratio" "$FDHT" compress w.h5 -o r.h5 --in-modes 7,1 --out-modes 4,5 --ratio 2 --json
json "--ratio: kept" '.ratio >= 2' true

# limits that cannot all hold
run "$FDHT" compress w.h5 -o l.h5 --tol 0.001 --max-rank 1
same "tol and max-rank: status" 4 "$status"
same "tol and max-rank: no stdout" "" "$out"
absent "tol and max-rank: nothing written" l.h5
run "$FDHT" compress w.h5 -o l.h5 --tol 0.001 --max-rank 1 --best-effort --json
same "--best-effort: status" 4 "$status"
json "--best-effort: the error is told" '.error_rel > 0.001' true
there "--best-effort: written" l.h5
run "$FDHT" compress w.h5 -o l2.h5 --max-params 3
same "too few parameters: status" 4 "$status"
absent "too few parameters: nothing written" l2.h5
run "$FDHT" compress w.h5 -o l2.h5 --tol 1e-9
same "finer than float32: status" 4 "$status"
has "finer than float32: says so" "$err" "float32 cores cannot hold tolerance 1e-09"
run "$FDHT" compress w.h5 -o l2.h5 --rank 2 --max-memory 1M
same "too little memory: status" 4 "$status"

# stacks and both directions go whole; every layout
for f in torch_2layer torch_bidir torch_proj torch_proj_2layer_bidir torch_f16_gzip_shuffle keras1 keras2_2layer keras2_bidir \
    keras2_cudnn keras3_2layer.weights keras3_bidir.weights onnx onnx_bidir torch_nobias; do
    run "$FDHT" compress "$L/$f.h5" -o "$f.out.h5" --rank 999 --recurrent-activation sigmoid --json
    same "$f: status" 0 "$status"
    json "$f: full rank runs as the file does" '.error_rel < 1e-6 and .self_check.output_difference < 1e-5' true
done
run "$FDHT" compress "$L/torch_2layer.h5" -o s.h5 --tol 0.2 --json
same "a stack has a cell for each layer" 0 "$status"
has "what a state dict does not say" "$err" "warning: the file does not describe its layers: a softmax head on the last state"
json "two cells" '[.cells[].name]' '["lstm.l0","lstm.l1"]'
json "each within the tolerance" '[.cells[].error_rel <= 0.2] | all' true
run "$FDHT" compress "$L/torch_2layer.h5" -o s1.h5 --layer lstm.l1 --tol 0.2 --json
has "--layer" "$err" "warning: the inputs are the outputs of lstm.l0 (LSTM)"
json "one cell" '.cells | length' 1
run "$FDHT" compress -q "$L/torch_2layer.h5" -o s2.h5 --tol 0.2 --max-memory 200M --json
json "streamed: the same" '[.cells[].error_rel <= 0.2] | all' true

# the curve
works "--dry-run" "$FDHT" compress w.h5 --dry-run --csv c.csv --json
json "errors fall as sizes grow" '.curve | (map(.parameters) | . == sort) and (map(-.error_rel) | . == sort)' true
json "errors within bounds" '[.curve[] | .error_rel <= .bound_rel + 1e-6] | all' true
same "CSV: a line each and a header" "$(jq '.curve | length' < "$OUT")" "$(($(wc -l < c.csv) - 1))"
works "--dry-run as text" "$FDHT" compress w.h5 --dry-run
has "text: columns" "$out" "parameters"
rm -f c.csv
works "all formats in one curve" "$FDHT" compress w.h5 --format all --dry-run --csv c.csv --json
json "the four formats" '[.curve[].format] | unique' '["bt","ht","tr","tt"]'
json "each falls" '[.curve | group_by(.format)[] | (map(.parameters) | . == sort) and (map(-.error_rel) | . == sort)] | all' true
same "all formats: CSV" "$(jq '.curve | length' < "$OUT")" "$(($(wc -l < c.csv) - 1))"
rm -f c.csv

# blocks: a line each, bound = error, the same bytes again
works "bt" "$FDHT" compress "$L/torch_1layer.h5" -o b.h5 --format bt --blocks 3 --rank 1 --json
json "bt: blocks" '[.blocks, (.nodes | length), .nodes[0].name, .nodes[0].rank]' '[3,3,"block 1",1]'
json "bt: numbers" '.parameters == (.nodes | map(.size) | add)' true
json "bt: bound is the error" '.error_rel == .bound_rel and .error_rel > 0.01' true
json "bt: what the last block leaves is the error" '(.nodes[2].error - .error_rel) | fabs < 0.3' true
works "bt again" "$FDHT" compress "$L/torch_1layer.h5" -o b2.h5 --format bt --blocks 3 --rank 1 --json
cmp -s b.h5 b2.h5 && pass "bt: the same file again" || fail "bt: the same file again"

# every format and back: what export writes differs from the file by the error that was printed
for f in fdht ht tt tr bt; do
    works "$f: compressed" "$FDHT" compress "$L/torch_1layer.h5" -o back.h5 -f --format $f --max-rank 2 --in-modes 7,1 --out-modes 4,5 --json
    error=$(jq .error_rel < "$OUT")
    works "$f: exported" "$FDHT" export back.h5 -o back.dense.h5 -f --layout pytorch
    if ! /usr/bin/python3 -c 'import h5py, numpy' 2> /dev/null; then
        skip "$f: numpy's error" "python3-h5py and python3-numpy are not here"
        continue
    fi
    works "$f: numpy finds the printed error" /usr/bin/python3 - "$L/torch_1layer.h5" back.dense.h5 "$error" << 'END'
import sys, h5py, numpy as np
def maps(path):
    found = {}
    with h5py.File(path) as f:
        f.visititems(lambda n, o: found.__setitem__(n.split('.')[-1].split('/')[-1], o[()]) if isinstance(o, h5py.Dataset) else None)
    return np.concatenate([found['weight_ih_l0'], found['weight_hh_l0']], 1).astype('f8')
a, b = maps(sys.argv[1]), maps(sys.argv[2])
e = np.linalg.norm(a - b) / np.linalg.norm(a)
assert abs(e - float(sys.argv[3])) < 1e-6, (e, sys.argv[3])
END
done
fails "/dev/full" 1 "fdht compress: standard output: No space left on device" \
    bash -c '"$1" compress w.h5 --dry-run > /dev/full' - "$FDHT"
listing "no temporary files" "$(ls | sort | tr '\n' ' ' | sed 's/ $//')"
same "nothing hidden" "" "$(find . -name '.*' -type f)"
tap_end
