#!/bin/bash
# fdht bench: what it prints and refuses; never how fast.
. "$(dirname "$0")/lib.sh"

fails "an unknown kind" 2 "fdht bench: --what: 'walk' is none of infer|layer|train (see fdht help bench)" fdht bench --what walk
fails "an unknown cell" 2 "fdht bench: --cells: 'gru' is none of fdht|ht|tt|tr|bt|dense (see fdht help bench)" fdht bench --cells gru
fails "a layer is no model" 2 "fdht bench: --preset tie-fc6: a single layer; bench times models (see fdht help bench)" \
    fdht bench --preset tie-fc6
run fdht bench missing.h5
same "a missing model: status" 1 "$status"
run fdht bench --preset ucf11-fdht m.h5
same "a preset and a model: status" 2 "$status"
for bad in "--batch 0" "-r 0" "--threads 1,x" "--output xml"; do
    run fdht bench $bad
    same "$bad: status" 2 "$status"
done

works "every cell, every kind" fdht bench --preset ucf11-fdht --cells fdht,ht,tt,tr,bt --batch 1 --frames 2 -r 1 --no-dense --json
json "the schema" .schema '"fdht.bench/1"'
json "each cell has each kind" '[.results[] | .cell + " " + .what] | length' 15
# leaves 4 x 16 x 9 + 2 x 4 x 4 x 20 + 4 x 4 x 18, transfer tensors 2 x 4 x 4 x 4, root 4 x 4; biases 4 x 256; classifier 257 x 11
json "sizes are the presets'" '[.results[] | select(.what == "layer" and .cell == "fdht") | .parameters]' '[5499]'
json "times are times" '[.results[] | .ms_per_frame_min > 0 and .ms_per_frame_min <= .ms_per_frame_median] | all' true
json "as many samples as asked for" '[.results[].samples_ms | length] | unique' '[1]'
# 1.86 M multiply-adds, two operations each, by an exhaustive search that is not ours
json "planned operations of the layer" \
    '.results[] | select(.what == "layer" and .cell == "fdht") | .flops_per_frame / 2e6 | . > 1.85 and . < 1.865' true
json "the machine" '.machine | .fma_gflops > 0 and .read_gb_s > 0 and .cores > 0' true

works "a small dense model for scale" fdht bench --preset ucf11-tt --what layer --batch 1 --frames 1 -r 2 --output csv
same "csv: a heading and two rows" 3 "$(wc -l < "$OUT")"
has "csv: the dense cell" "$out" "dense,layer,1,1,"

# memory of a training step, counted by hand: frames of 8x8x3 = 192 bytes, 32 hidden units, 3 classes, 3 frames a clip
works "a small model" fdht train "$TOP/tests/data/bars.h5" -q --in-modes 8,8,3 --out-modes 4,4,8 --hidden 32 --rank 4 --epochs 0 -o m.h5
small=(fdht bench m.h5 --what infer,train --batch 4,8 --frames 3 -r 1)
works "memory, json" "${small[@]}" --json
train='.results[] | select(.what == "train"'
json "optimiser: gradient, two moments, values before; 4 bytes" "[$train) | .optimizer_bytes == 16 * .parameters] | unique" '[true]'
json "none without training" '[.results[] | select(.what == "infer") | .optimizer_bytes] | unique' '[0]'
# 12 frames: gates, cell state, its tanh, h, gradient of h (8 x 32 floats), the frame as bytes, twice, since the next batch is read
# meanwhile, and as floats for the dense products; 8 clips of 3 frames are still one part, with one gradient; 12 % on top
json "what 4 clips more take" \
    "[$train and .cell == \"dense\") | .activation_bytes] | .[1] - .[0] | . >= 12 * (8 * 32 * 4 + 192 * 6) and . < 12 * (8 * 32 * 4 + 192 * 6) * 1.12" true
# next to the bytes of 12 frames: 32 inputs and 32 states as floats for the dense products, the frames as floats, and five times the
# states of 8 clips, which run together
json "what 4 clips take" \
    "$train and .cell == \"dense\" and .batch == 4) | .activation_bytes - 12 * (8 * 32 * 4 + 192 * 2) | . >= 32 * 4 * (192 + 32) + 12 * 192 * 4 + 5 * 8 * 32 * 4 and . < (32 * 4 * (192 + 32) + 12 * 192 * 4 + 5 * 8 * 32 * 4) * 1.3" true
json "training takes more than running" \
    '[.results | group_by([.cell, .batch])[] | map({(.what): (.activation_bytes + .optimizer_bytes)}) | add | .train > .infer] | unique' '[true]'
bytes=$(jq -r '.results[] | [.cell, .what, .batch, .activation_bytes, .optimizer_bytes] | @csv' <<< "$out" | tr -d '"')
works "memory, csv" "${small[@]}" --output csv
same "csv: heading" "activation_bytes,optimizer_bytes" "$(head -n 1 "$OUT" | cut -d, -f 12,13)"
same "csv: the same bytes" "$bytes" "$(tail -n +2 "$OUT" | cut -d, -f 1-3,12,13)"
works "memory, md" "${small[@]}"
has "md: heading" "$out" "| activations MB | optimizer MB |"
same "md: the same in MB" "$(awk -F, '{ printf "%s %s %s %.2f %s\n", $1, $2, $3, $4 / 1e6, $5 ? sprintf("%.2f", $5 / 1e6) : "-" }' <<< "$bytes")" \
    "$(awk -F ' *[|] *' '$3 == "infer" || $3 == "train" { print $2, $3, $4, $12, $13 }' "$OUT")"

# ranks: the bytes of a step of P parts, S bytes each: (P - P/N) S to rank 0, S down a tree of depth log2 N
works "ranks" fdht bench m.h5 --what train --batch 8,32 --frames 2 -r 1 --no-dense --ranks --json
json "ranks: at most 32 parts" '[.ranks[] | .parts >= 1 and .parts <= 32] | unique' '[true]'
json "ranks: up to 1,000" '[.ranks[].ranks] | unique' '[1,2,4,8,16,32,64,128,256,512,1000]'
json "ranks: bytes to rank 0" '.results[0].model_bytes as $s | [.ranks[] | select(.ranks > 1) | .bytes_in == (.parts - (.parts / .ranks | ceil)) * $s] | unique' '[true]'
json "ranks: bytes from it" '.results[0].model_bytes as $s | [.ranks[] | select(.ranks > 1) | .bytes_out == (.ranks | log2 | ceil) * $s] | unique' '[true]'
json "ranks: one is no gain" '[.ranks[] | select(.ranks == 1) | .gain] | unique' '[1]'
json "ranks: no gain above the parts" '[.ranks[] | .gain <= .parts + 1e-9] | unique' '[true]'
json "ranks: the faster network is no slower" '[.ranks | group_by([.batch, .ranks])[] | sort_by(.gb_per_second) | .[0].ms_per_step >= .[1].ms_per_step] | unique' '[true]'
works "ranks, md" fdht bench m.h5 --what train --batch 8 --frames 2 -r 1 --no-dense --ranks
has "ranks, md: heading" "$out" "| cell | batch | parts | ranks | MB to rank 0 | MB from it | 10 Gb/s | 100 Gb/s |"
has "ranks, md: the end" "$out" " parts, so no more than "
fails "ranks without training" 2 "fdht bench: --ranks: from the training of one thread, as a table or as JSON (see fdht help bench)" fdht bench m.h5 --what infer --ranks
tap_end
