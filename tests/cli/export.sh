#!/bin/bash
# fdht export: the command line; what the files hold is tested in tests/unit/weights/test_write.c and tests/unit/export/test_export.c.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/lstm

fails "no model" 2 "fdht export: expected one MODEL.h5, got 0 (see fdht help export)" fdht export --layout keras -o w.h5
fails "no layout" 2 "fdht export: --layout is missing: keras, pytorch, hdf5, safetensors, onnx or onnx-compressed (see fdht help export)" fdht export m.h5 -o w.h5
run fdht export m.h5 -o w.h5 --layout caffe
same "an unknown layout: status" 2 "$status"
run fdht export m.h5 -o m.h5 --layout keras
same "a missing model: status" 1 "$status"
cp "$data/onnx.h5" m.h5
run fdht export m.h5 -o m.h5 --layout keras --force
same "input == output: status" 2 "$status"
run fdht export m.h5 -o w.h5 --layout keras
same "weights are no model: status" 3 "$status"
has "and the message names the file" "$err" "fdht export: m.h5: "
listing "nothing is left behind" "m.h5"

# Full rank: what comes back is what went in, to rounding.
numbers() { # FILE PATH: the numbers of a data set, one a line
    h5dump -d "$2" -m %.9g -w 1 -y -o numbers.txt "$1" > h5dump.txt 2>&1 && tr -s ', \n' '\n' < numbers.txt | grep .
}
close() { # two lists of numbers: as long, and no two further apart than 2e-6
    paste -d ' ' "$1" "$2" | awk 'NF != 2 || ($1 - $2) ^ 2 > 4e-12 { bad = 1 } END { exit bad || NR == 0 }'
}
if command -v h5dump > h5dump.txt; then
    for format in fdht ht tt; do
        run fdht compress -q "$data/torch_2layer.h5" -o full.h5 -f --format $format --tol 1e-6
        same "$format: compress" 0 "$status"
        works "$format: export" fdht export full.h5 -o back.h5 -f --layout pytorch
        for key in lstm.weight_ih_l0 lstm.weight_hh_l1 fc.weight; do
            numbers "$data/torch_2layer.h5" $key > a.txt
            numbers back.h5 $key > b.txt
            close a.txt b.txt && pass "$format: $key" || fail "$format: $key" "$(paste a.txt b.txt | head -n 4)"
        done
    done
else
    skip "round trip" "h5dump (hdf5-tools) is not here"
fi
run fdht compress -q "$data/keras2_model_hard_sigmoid.h5" -o hard.h5 --tol 0.1
works "hard sigmoid to Keras" fdht export hard.h5 -o hard_keras.h5 --layout keras
works "Keras says which" fdht info --json hard_keras.h5
json "hard_sigmoid" '.layers[0].recurrent_activation' '"hard_sigmoid"'
run fdht export hard.h5 -o hard_torch.h5 --layout pytorch
same "PyTorch has none: status" 0 "$status"
same "PyTorch has none: warning" "fdht export: warning: the gates use hard_sigmoid, which PyTorch's LSTM does not have" "$err"
run fdht compress -q "$data/torch_proj.h5" -o proj.h5 --tol 0.1
fails "Keras has no projection" 1 \
    "fdht export: none.h5: link 0 (lstm): Keras' LSTM has no projection: export --layout pytorch or hdf5" fdht export proj.h5 -o none.h5 --layout keras
absent "nothing is left" none.h5

# Dense graphs and safetensors files are weights for compress again, the graph with the network around its layers.
for weights in torch_2layer torch_bidir; do
    run fdht compress -q "$data/$weights.h5" -o m.h5 -f --tol 0.3
    for layout in onnx safetensors; do
        works "$weights: $layout" fdht export m.h5 -o m.$layout -f --layout $layout
        run fdht compress -q m.$layout -o again.h5 -f --tol 1e-5
        if [ "$status" = 3 ] && [[ $err == *"built without"* ]]; then
            skip "$weights: $layout is read" "$err"
            continue
        fi
        same "$weights: $layout is read: status" 0 "$status"
        works "$weights: $layout: what was read" fdht info --json again.h5
        json "the whole chain" '[.output, (.chain // [{kind: "lstm"}, {kind: "dense"}])[-1].kind, .input_size]' \
            "[\"softmax\",\"dense\",$(fdht info --json m.h5 | jq .input_size)]"
    done
done

# A safetensors file holds the numbers of the HDF5 file with the same keys; read by numpy alone.
if /usr/bin/python3 -c 'import h5py, numpy' 2> import.txt; then
    for weights in torch_2layer torch_bidir torch_proj; do
        run fdht compress -q "$data/$weights.h5" -o m.h5 -f --tol 0.3
        works "$weights: safetensors" fdht export m.h5 -o m.safetensors -f --layout safetensors
        works "$weights: the same keys as HDF5" fdht export m.h5 -o m.torch.h5 -f --layout pytorch
        works "$weights: and the same numbers" /usr/bin/python3 - << 'READ'
import json, h5py, numpy as np
raw = open("m.safetensors", "rb").read()
n = int.from_bytes(raw[:8], "little")
head = {k: v for k, v in json.loads(raw[8:8 + n]).items() if k != "__metadata__"}
with h5py.File("m.torch.h5") as f:
    assert n % 8 == 0 and set(head) == set(f), (n, set(head) ^ set(f))
    for key, t in head.items():
        a = np.frombuffer(raw[8 + n:][slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
        assert t["dtype"] == "F32" and np.array_equal(a, f[key]), key
    assert max(t["data_offsets"][1] for t in head.values()) == len(raw) - 8 - n
READ
    done
else
    skip "safetensors" "python3-h5py and python3-numpy are not here"
fi
# the same model gives the same bytes, at another second too
for layout in keras pytorch; do
    "$FDHT" export hard.h5 --layout $layout -f -o $layout-1.h5
done
sleep 1.1
for layout in keras pytorch; do
    "$FDHT" export hard.h5 --layout $layout -f -o $layout-2.h5
    cmp -s $layout-1.h5 $layout-2.h5 && pass "$layout: the same bytes a second later" || fail "$layout: the same bytes a second later" "$(cmp $layout-1.h5 $layout-2.h5)"
done
tap_end
