#!/bin/bash
# Models of more links than layers, pool and classifier: infer, info, export. Expected numbers come from
# tests/data/chain/chain.py, which knows no line of this program.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/chain
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1

works "two classes of one sigmoid output" fdht infer "$data/backwards.h5" "$data/backwards.x.h5" --top 2
json "probabilities are p and 1 - p" 'select(.clip == "clip0") | [.label, .class, (.top | length), (.top[0].prob + .top[1].prob | . * 1000 | round)]' \
    '["0",0,2,1000]'
printf 'up\n' > one
works "its class has a name" fdht infer "$data/backwards.h5" "$data/backwards.x.h5" --labels one --format text
has "and the other is not that" "$out" "clip0: not up 0."
works "independent labels, a row a step" fdht infer "$data/tagger.h5" "$data/tagger.x.h5" --format tsv
same "tsv: head" $'clip\tlabels\terror\tprob_0\tprob_1' "$(head -n 1 "$OUT")"
same "tsv: steps of clips of 4, 1, 6 and 3 frames" "clip0#3 clip1#0 clip2#5 clip3#2" \
    "$(cut -f 1 "$OUT" | awk -F '#' 'NR > 1 { last[$1] = $0 } END { for (c in last) print last[c] }' | sort | xargs)"
works "records" fdht infer "$data/tagger.h5" "$data/tagger.x.h5" --steps
json "the last step, and all" 'select(.clip == "clip2") | [(.steps | length), .labels == .steps[-1].labels]' '[6,true]'
works "values" fdht infer "$data/max_pool.h5" "$data/max_pool.x.h5"
json "a value and no class" 'select(.clip == "clip0") | [(.values | length), .label, .prob]' '[1,null,null]'
run fdht infer "$data/max_pool.h5" "$data/max_pool.x.h5" --score
has "score of values" "$err" "error: mean absolute "
run fdht infer "$data/tagger.h5" "$data/tagger.x.h5" --score
has "score of labels" "$err" "(labels of 14 labelled steps)"
works "stream" fdht infer "$data/max_pool.h5" "$data/max_pool.x.h5" --stream
same "a record a frame" 14 "$(wc -l < "$OUT")"
fails "a stream cannot run backwards" 1 \
    "fdht infer: link 0 (backwards_0) runs backwards over the whole clip: no frame by frame" \
    fdht infer "$data/backwards.h5" "$data/backwards.x.h5" --stream
fails "nor the accelerator" 1 \
    "fdht infer: fixed point: one recurrent layer of one direction, which takes the inputs; link 0 (backwards_0) runs backwards" \
    fdht infer "$data/backwards.h5" "$data/backwards.x.h5" --fixed16

works "info" fdht info --json "$data/autoencoder.h5"
json "the chain" '[.chain[].kind]' '["lstm","lstm","pool","repeat","lstm","lstm","dense"]'
json "the output" '[.output, .output_each_step, .chain[3].steps, .chain[5].merge]' '["linear",true,4,"sum"]'
json "layers and directions" '[.layers[].name]' '["l0","l1","l2","l3","l3_reverse"]'

# What Keras' layers make of an exported file is what was expected of the model.
if $python -c 'import h5py, numpy' 2> import.txt; then
    for name in tagger merge_mul merge_average max_pool autoencoder backwards states; do
        works "$name: export" fdht export "$data/$name.h5" -o $name.h5 -f --layout keras
        works "$name: Keras' layers compute it" $python "$data/keras.py" $name.h5 "$data/$name.h5"
    done
else
    skip "Keras' layers" "python3-h5py and python3-numpy are not here"
fi
fails "a state dict cannot say it" 1 \
    "fdht export: t.h5: link 0 (tagger_0): a state dict has no name that says what it does: another layout can" \
    fdht export "$data/tagger.h5" -o t.h5 --layout pytorch

# Fine-tuning goes through every link and is scored by its output. Data: what is asked can be read off the features.
if $python -c 'import h5py, numpy' 2> import.txt; then
    $python - << 'DATA'
import h5py, numpy as np
rng = np.random.default_rng(1)
def clips(name, features, **lists):
    x = rng.normal(size=(60, 6, features)).astype("f4")
    with h5py.File(name, "w") as f:
        f["frames"] = x
        for key, of in lists.items():
            f[key] = of(x)
clips("values.h5", 6, targets=lambda x: x[:, :, :1].mean(axis=1))
clips("tags.h5", 5, targets=lambda x: (x[:, :, :2] > 0).astype("f4"))
clips("sign.h5", 3, labels=lambda x: (x[:, :, 0].sum(1) > 0).astype("i4"))
clips("three.h5", 4, labels=lambda x: np.argmax(x[:, :, :3].mean(1), -1).astype("i4"))
clips("wide.h5", 6, targets=lambda x: x[:, 0, :2])
DATA
    tune() { # DATA MODEL: the scores before and after
        run fdht train $1.h5 --init "$data/$2.h5" -o before.h5 -f --epochs 0 --json
        before=$(jq -c .scores "$OUT")
        works "$2: fine-tuning" fdht train -q $1.h5 --init "$data/$2.h5" -o $2.h5 -f --epochs 40 --lr 1e-2 --batch 8 --json
        after=$(jq -c .scores "$OUT")
    }
    better() { # NAME FILTER: a fact about [before, after]
        [ "$(jq -c "$2" <<< "[$before,$after]")" = true ] && pass "$1" || fail "$1" "$before $after"
    }
    tune values max_pool
    better "values: the error falls" '.[1].mean_absolute_error < .4 and .[0].mean_absolute_error > 1 and .[1].accuracy == null'
    run fdht infer max_pool.h5 values.h5 --score
    has "and infer says the same" "$err" "error: mean absolute $(jq -r '.mean_absolute_error' <<< "$after" | cut -c 1-6)"
    tune tags tagger
    better "labels of steps: F1 rises" '.[1].f1 > .85 and .[0].f1 < .6 and .[1].output == "sigmoid"'
    tune sign backwards
    better "one sigmoid output: accuracy rises" '.[1].accuracy > .9 and .[0].accuracy < .7'
    tune three merge_mul
    better "classes: accuracy rises" '.[1].accuracy > .9 and .[0].accuracy < .7'
    run fdht pack values.h5 -o packed.h5
    has "pack does not keep targets, and says so" "$err" "/targets of 60 clips are left out"
    fails "targets of another width" 3 "fdht train: wide.h5: /targets has 2 numbers a row, the model gives 1" \
        fdht train -q wide.h5 --init "$data/max_pool.h5" -o t.h5 --epochs 1
    run fdht train -q three.h5 --init "$data/max_pool.h5" -o t.h5 --epochs 1
    same "inputs of another width: status" 2 "$status"
else
    skip "fine-tuning" "python3-h5py and python3-numpy are not here"
fi
works "plain" fdht export "$data/tagger.h5" -o plain.h5 --layout hdf5
tap_end
