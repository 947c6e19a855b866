#!/bin/bash
# fdht train --config, and what fdht info --config prints of a model.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
given=(--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff --lr 1e-2 --pool mean --epochs 3 --val-split .2 --seed 18446744073709551615)
works "by options" "$FDHT" train "$data" -q -o one.h5 "${given[@]}" --checkpoint ck.h5
run "$FDHT" info --config one.h5
same "info --config: status" 0 "$status"
json "info --config: what was given, nothing else" 'del(.schema)' \
    '{"hidden":8,"in-modes":"8,8,3","out-modes":"4,4,2","rank":4,"pool":"mean","diff":true,"val-split":0.2,"epochs":3,"lr":0.01,"seed":"18446744073709551615"}'
cp "$OUT" made.json
works "of a checkpoint" "$FDHT" info --config ck.h5
cmp -s "$OUT" made.json && pass "of a checkpoint: the same" || fail "of a checkpoint: the same"
works "by --config" "$FDHT" train "$data" -q -o two.h5 --config made.json
"$FDHT" infer one.h5 "$data" --logits > one.jsonl
"$FDHT" infer two.h5 "$data" --logits > two.jsonl
cmp -s one.jsonl two.jsonl && pass "the same model, to the bit" || fail "the same model, to the bit"
works "the command line counts more" "$FDHT" train "$data" -q -o three.h5 --config made.json --epochs 2 --hidden 8
works "info of that" "$FDHT" info --config three.h5
json "its epochs" .epochs 2
echo '{"in-modes": [8,8,3], "out-modes": [4,4,2], "hidden": 8, "rank": 4, "diff": true, "gray": false, "epochs": 1}' > list.json
works "lists and false" "$FDHT" train "$data" -q -o four.h5 --config list.json
works "its options" "$FDHT" info --config four.h5
json "a list" '[.["in-modes"], .gray]' '["8,8,3",null]'
bad() { # NAME STATUS MESSAGE JSON
    printf '%s' "$4" > bad.json
    fails "$1" "$2" "fdht train: $3" "$FDHT" train "$data" -o bad.h5 --config bad.json
}
see="(see fdht help train)"
bad "an unknown option" 2 "bad.json: 'hiden' is no option of fdht train $see" '{"hiden": 8}'
bad "a bad value" 2 "--epochs: 'x' is not a whole number from 0 to 1000000 $see" '{"epochs": "x"}'
bad "a flag with a value" 2 "bad.json: 'diff' takes true or false $see" '{"diff": 1}'
bad "no flag" 2 "bad.json: 'epochs' takes a value $see" '{"epochs": true}'
bad "null" 2 "bad.json: 'epochs' has no value that an option takes $see" '{"epochs": null}'
bad "an object" 2 "bad.json: 'epochs' has no value that an option takes $see" '{"epochs": {}}'
bad "no JSON" 3 "bad.json: no JSON object of options" 'epochs = 3'
bad "a list alone" 3 "bad.json: no JSON object of options" '[1]'
bad "nothing" 3 "bad.json: no JSON object of options" ''
fails "no file" 1 "fdht train: none.json: No such file or directory" "$FDHT" train "$data" -o bad.h5 --config none.json
fails "info --config of a data set" 3 "fdht info: $data: not an fdht model (no attribute format)" "$FDHT" info --config "$data"
fails "info --config without a file" 2 "fdht info: --config needs one MODEL.h5 and nothing else (see fdht help info)" "$FDHT" info --config
absent "nothing was written" bad.h5

# files of before had the options as an attribute of the root
if /usr/bin/python3 -c 'import h5py' 2> /dev/null; then
    cp one.h5 old.h5
    /usr/bin/python3 -c 'import h5py; f = h5py.File("old.h5", "r+"); f.attrs["config"] = f["origin"].attrs["options"]; del f["origin"].attrs["options"]'
    works "an older file" "$FDHT" info --config old.h5
    cmp -s "$OUT" made.json && pass "an older file: the same" || fail "an older file: the same" "$(said)"
else
    skip "an older file" "no h5py here"
fi
tap_end
