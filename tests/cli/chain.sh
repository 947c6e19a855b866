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
works "records" fdht infer "$data/tagger.h5" "$data/tagger.x.h5"
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
works "plain" fdht export "$data/tagger.h5" -o plain.h5 --layout hdf5
tap_end
