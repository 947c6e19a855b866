#!/bin/bash
# fdht export: the command line; what the files hold is tested in tests/unit/test_weights_write.c.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/lstm

fails "no model" 2 "fdht export: expected one MODEL.h5, got 0 (see fdht help export)" fdht export --layout keras -o w.h5
fails "no layout" 2 "fdht export: --layout is missing: keras, pytorch or hdf5 (see fdht help export)" fdht export m.h5 -o w.h5
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
tap_end
