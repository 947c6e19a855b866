#!/bin/bash
# fdht info on dense LSTM weights: what scripts read, and how damaged or foreign files are refused.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/lstm

works "torch, text" fdht info "$data/torch_proj_2layer_bidir.h5"
has "layer l1" "$out" "    name: lstm.l1"
has "why" "$out" "why: keys weight_ih_l1, weight_hh_l1, (4H,D), (4H,P): PyTorch, gates i,f,g,o in rows"

works "torch, json" fdht info --json "$data/torch_proj_2layer_bidir.h5"
json "kind" .kind '"weights"'
json "layers" '[.layers[] | [.name, .input_size, .hidden_size, .proj_size, .directions, .bias, .layout, .gate_order]]' \
    '[["lstm.l0",7,6,4,2,true,"pytorch","ifgo"],["lstm.l1",8,6,4,2,true,"pytorch","ifgo"]]'
json "stack" .stack true

works "keras 1" fdht info --json "$data/keras1.h5"
json "keras 1 layer" '.layers[0] | [.name, .layout, .gate_order, .recurrent_activation]' '["lstm_1","keras1","icfo","unknown"]'
json "head" '[.head, .classes]' '["dense_1",3]'
works "keras with its config" fdht info --json "$data/keras2_model_hard_sigmoid.h5"
json "activation" '.layers[0].recurrent_activation' '"hard_sigmoid"'
json "why it says so" '.layers[0].why | contains("model_config")' true
works "onnx" fdht info --json "$data/onnx_bidir.h5"
json "onnx layer" '.layers[0] | [.directions, .gate_order]' '[2,"iofc"]'
works "bfloat16" fdht info --json "$data/keras3_bfloat16.weights.h5"
json "dtype" '.layers[0].dtype' '"bfloat16"'

works "a GRU of PyTorch" fdht info --json "$TOP/tests/data/gru/torch_1layer.h5"
json "a GRU of PyTorch" '.layers[0] | [.name, .recurrent, .gate_order, .parameters]' '["gru","gru","rzn",136]'
works "a GRU of Keras" fdht info --json "$TOP/tests/data/gru/keras2.h5"
json "a GRU of Keras" '.layers[0] | [.name, .recurrent, .gate_order, .recurrent_activation]' '["gru","gru","zrh","sigmoid"]'

fails "no weights" 3 "fdht info: $data/expected.h5: no LSTM in the layout of Keras, PyTorch or ONNX among its 241 data sets" \
    fdht info "$data/expected.h5"
head -c 3000 "$data/torch_1layer.h5" > cut.h5
fails "truncated" 3 "fdht info: cut.h5: damaged or truncated HDF5 file (3000 bytes)" fdht info cut.h5
printf 'PK\003\004\024\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\015\0\0\0metadata.json' > model.keras
fails "a .keras file that ends too early" 3 "fdht info: model.keras: a damaged zip archive (Not a zip archive)" fdht info model.keras
# one empty member, a: its header, its entry, the end
printf 'PK\003\004\024\0\0\0\0\0\0\0\041\0\0\0\0\0\0\0\0\0\0\0\0\0\001\0\0\0a' > other.zip
printf 'PK\001\002\024\0\024\0\0\0\0\0\0\0\041\0\0\0\0\0\0\0\0\0\0\0\0\0\001\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a' >> other.zip
printf 'PK\005\006\0\0\0\0\001\0\001\0\057\0\0\0\037\0\0\0\0\0' >> other.zip
fails "a zip archive of something else" 3 "fdht info: other.zip: a zip archive without model.weights.h5, data.pkl or .npy files" \
    fdht info other.zip
head -c 1500 "$data/../cases/torch_state.pt" > cut.pt
fails "a truncated PyTorch file" 3 "fdht info: cut.pt: a damaged zip archive (Not a zip archive)" fdht info cut.pt
fails "a truncated file, simulated" 3 "fdht simulate: cut.h5: damaged or truncated HDF5 file (3000 bytes)" fdht simulate cut.h5
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n' > lfs.h5
fails "Git LFS pointer" 3 "fdht info: lfs.h5: a Git LFS pointer, not the file itself; fetch that with: git lfs pull" fdht info lfs.h5
cp cut.h5 $'two\nlines\x1b[31m.h5'
fails "control characters" 3 "fdht info: two?lines?[31m.h5: damaged or truncated HDF5 file (3000 bytes)" fdht info $'two\nlines\x1b[31m.h5'
tap_end
