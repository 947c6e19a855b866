#!/bin/bash
# fdht simulate: schedules and cycles against an independent model, mappings out and in, traces for text and for waveform viewers.
. "$(dirname "$0")/lib.sh"
sim() { "$FDHT" simulate "$@"; }

cat > w.json << 'END'
{"schema":"fdht-workload-1","name":"small","format":"fdht","in_modes":[4,6,5],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,2,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END
cat > tt.json << 'END'
{"schema":"fdht-workload-1","name":"primes","format":"tt","in_modes":[3,5,7],"out_modes":[2,11,13],"ranks":[1,3,3,1]}
END
cat > large.json << 'END'
{"schema":"fdht-workload-1","name":"large","format":"fdht","in_modes":[4,18,9],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,3,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END

# ---- cycles: tests/tools/cycles.py counts them from the mapping and the rules alone
if command -v python3 > python; then
    while read -r units args; do
        # shellcheck disable=SC2086
        works "$args" sim $args --write-mapping m.json --force --json
        same "$args: as an independent model counts" "$(jq -c '{cycles, issue: .issue_cycles,
            lstm: ([.stages[] | select(.name == "lstm") | .stall_cycles | add] | add // 0), input: .stall_cycles.input,
            latency: .latency_max_cycles, spilled: .spilled_words, stages: [.stages[] | select(.name != "lstm") |
            .issue_cycles + (.stall_cycles | add) - .stall_cycles.input - .stall_cycles.weight_refill]}' "$OUT")" \
            "$(python3 "$TOP/tests/tools/cycles.py" m.json "$OUT" "$units")"
    done << END
0 tt.json --arch tie --set bank_function=xor
0 tt.json --set bank_function=table --set input_words=5
16 w.json
16 w.json --order natural --arch tie --set bank_function=interleave
16 w.json --set lstm_overlap=1
16 w.json --set lstm_overlap=1 --at-once 2
16 w.json --set lstm_overlap=1 --at-once 3 --set bank_function=interleave --set lstm_lanes=7
16 w.json --set input_words=4
16 w.json --set lstm_overlap=1 --set input_words=4 --set input_buffers=2 --set bank_function=skew
16 w.json --set x_buffers=1 --set bank_function=interleave
16 w.json --set x_buffers=1 --set input_words=3
0 tt.json --arch tie --set w_kib=1 --set x_kib=1 --set spill_words=3 --set w_refill_words=3
16 w.json --arch tie --set w_kib=1 --set x_kib=1 --set lstm_overlap=1 --at-once 2 --set input_words=5 --set input_buffers=2
16 w.json --set w_kib=1 --set x_kib=1 --set x_buffers=1
16 large.json --set x_kib=1 --set spill_words=7
16 large.json --set x_kib=1 --set lstm_overlap=1 --at-once 2 --set bank_function=interleave --set x_banks=8
16 large.json --set x_kib=1 --set x_buffers=1 --set spill_words=1 --set bank_function=interleave
16 large.json --set x_kib=2 --set x_buffers=1 --set input_words=2 --set bank_function=xor
0 --preset tie-ucf11 --arch tie --set x_kib=200
256 --preset ucf11-fdht --steps 2 --set lstm_overlap=1 --set input_words=16 --set input_buffers=2
END
else
    skip "cycles of an independent model" "no python3 here"
fi

# ---- what a schedule is for
works "one after the other" sim --preset ucf11-fdht --json
one=$(jq .cycles "$OUT")
json "one after the other: latency is a step" '.latency_cycles * .steps == .cycles' true
works "overlapped" sim --preset ucf11-fdht --set lstm_overlap=1 --json
json "overlapped: only the last step's unit is waited for" '[.bit_exact, .stall_cycles.recurrence]' '[true,72]'
json "overlapped: at most 86 cycles a step less" ".cycles < $one and .cycles >= $one - 5 * 86" true
json "overlapped: a step takes longer than the time between steps" '.latency_max_cycles > .cycles / .steps' true
works "two clips" sim --preset ucf11-fdht --at-once 2 --set lstm_overlap=1 --json
json "two clips" '[.bit_exact, .clips_at_once, .steps]' '[true,2,12]'
# 57,600 words at 4 a cycle are 14,400 cycles a frame, whatever the array does
works "a slow link" sim --preset ucf11-fdht --set input_words=4 --set input_buffers=2 --json
json "a slow link: bound" '[.bound, .input_words, (.stages[0].bound)]' '["link",345600,"link"]'
json "a slow link: no frame faster than its words" '.cycles > 6 * 57600 / 4' true
works "a fast link" sim --preset ucf11-fdht --set input_words=32 --set input_buffers=2 --json
json "a fast link: bound" .bound '"array"'
json "energy of the stages adds up" '([.stages[].energy_pj] | add) / .energy_pj.total | . * 1e9 | round' 1000000000

# ---- a trained model on several clips at once: every clip has its own h and c, so that its words are those that it has alone
data=$TOP/tests/data/actions.h5
"$FDHT" train "$data" -o model.h5 --cell fdht --in-modes 12,16,12 --out-modes 8,4,4 --hidden 32 --rank 4 --diff --lr 2e-2 --epochs 30 \
    --seed 1 > log 2>&1 || fail "training" "$(cat log)"
works "clips one by one" sim model.h5 --input "$data" --clips 24 --set lstm_overlap=1 --json
json "clips one by one: bits, classes" '[.bit_exact, .steps, .class_agreement, .clips_at_once]' '[true,144,24,1]'
alone=$(jq -c '[.snr_db, .class_agreement]' "$OUT") cycles=$(jq .cycles "$OUT")
for n in 2 7 24; do
    works "$n clips at once" sim model.h5 --input "$data" --clips 24 --at-once $n --set lstm_overlap=1 --json
    json "$n clips at once: the same words" '[.snr_db, .class_agreement]' "$alone"
    json "$n clips at once: what they are" '[.bit_exact, .steps, .clips, .clips_at_once]' "[true,144,24,$n]"
    # the last LSTM step of each set: 4 gates of 32 units by 16 lanes, and the latency
    json "$n clips at once: no other wait for h" "[.stall_cycles.recurrence, .cycles < $cycles]" "[$(((23 + n) / n * (4 * 32 / 16 + 8))),true]"
done
head -c $((6 * 32 * 24 * 3)) /dev/zero > black.rgb
"$FDHT" pack -q --raw rgb24 --size 32x24 black.rgb -o black.h5 > log 2>&1 || fail "black frames" "$(cat log)"
works "black frames: a range of nothing" sim model.h5 --input black.h5 --json
json "black frames: bits, SNR" '[.bit_exact, .snr_db > 30]' '[true,true]'
works "random clips at once" sim model.h5 --at-once 3 --steps 4 --json
json "random clips at once" '[.bit_exact, .steps, .clips_at_once]' '[true,12,3]'
head -c $((5 * 32 * 24 * 3)) /dev/urandom > five.rgb
head -c $((6 * 32 * 24 * 3)) /dev/urandom > six.rgb
"$FDHT" pack -q --raw rgb24 --size 32x24 five.rgb six.rgb -o lengths.h5 > log 2>&1 || fail "clips of two lengths" "$(cat log)"
works "clips of two lengths, one by one" sim model.h5 --input lengths.h5 --json
fails "clips of two lengths" 3 "fdht simulate: clip six.rgb: 6 frames, clip five.rgb has 5: --at-once takes clips of one length" \
    sim model.h5 --input lengths.h5 --at-once 2

# ---- a mapping out and in is the same run; changed, it is another one with the same values
for args in "w.json" "w.json --set bank_function=interleave" "w.json --set bank_function=lane" "tt.json --set bank_function=table" "--preset ucf11-ht --steps 1"; do
    # shellcheck disable=SC2086
    works "mapping of $args" sim $args --write-mapping a.json --force --json
    cp "$OUT" first
    # shellcheck disable=SC2086
    works "mapping of $args, read" sim $args --mapping a.json --write-mapping b.json --force --json
    cmp -s first "$OUT" && cmp -s a.json b.json && pass "mapping of $args: the same report and file" ||
        fail "mapping of $args: the same report and file" "$(diff first "$OUT" | head -5)"
done
sim w.json --order natural --set bank_function=skew --write-mapping a.json --force > /dev/null
works "info of a mapping" "$FDHT" info a.json --json
json "info of a mapping" '[.kind, .stages, .table_entries]' '["mapping",10,0]'
works "info of a mapping, as text" "$FDHT" info a.json
turned() { jq "$1" a.json > c.json; }
turned '(.x.tensors[1].bank) = "interleave"'
works "another bank function" sim w.json --mapping c.json --json
json "another bank function: the same values, more cycles" ".bit_exact and .stages[0].bank_function == \"interleave\"" true
turned '.x.stages[0].columns |= reverse'
works "another order of columns" sim w.json --mapping c.json --json
json "another order of columns: bits" .bit_exact true
turned '.x.stages[0].inner |= reverse | .x.stages[0].rows |= reverse | .h.stages[0].drain = "row"'
works "another order of rows" sim w.json --mapping c.json --json
json "another order of rows: bits" .bit_exact true
# the report names every skew, however many; a skew of whole turns of the banks is one of none
cat > deep.json << 'END'
{"schema":"fdht-workload-1","name":"deep","format":"ht","in_modes":[2,2,2,2,2,2,2,2,2,2,2,2],"out_modes":[1,1,1,1,1,1,1,1,1,1,2,2],
 "tree":"((((1,2),(3,4)),(5,6)),(((7,8),(9,10)),(11,12)))","leaf_ranks":[2,2,2,2,2,2,2,2,2,2,2,2],"inner_ranks":[2,2,2,2,2,2,2,2,2,2]}
END
works "many legs" sim deep.json --order natural --set bank_function=skew --write-mapping deep_map.json --json
cycles=$(jq .cycles "$OUT")
jq '.x.tensors |= map(.legs |= map(.skew += 160000000))' deep_map.json > turns.json
works "many legs, all with a skew" sim deep.json --mapping turns.json --json
json "many legs, all with a skew: the same run" '[.bit_exact, .cycles]' "[true,$cycles]"
same "many legs, all with a skew: the report has each" "$(jq -c '[.x.tensors[1:][] | [.legs[] | "\(.skew) x \(.leg)"] | sort]' turns.json)" \
    "$(jq -c '[.stages[].mapping | split(", ") | map(select(contains(" x "))) | sort]' "$OUT")"
json "many legs, all with a skew: texts longer than what was kept of them once" "[.stages[].mapping | length] | max > 191" true
mapping=$(jq -r '[.stages[].mapping] | max_by(length)' "$OUT")
works "many legs, all with a skew, as text" sim deep.json --mapping turns.json
has "many legs, all with a skew, as text: whole" "$out" "skew, $mapping
"
# refused by name: the file where it is no mapping, the stage where it is none of this workload
while IFS='|' read -r status change line; do
    turned "$change"
    fails "$change" "$status" "fdht simulate: $line" sim w.json --mapping c.json
done << 'END'
3|.schema = "fdht-mapping-2"|c.json: schema is fdht-mapping-2, expected fdht-mapping-1
3|.banks = 16|c.json: banks: the machine has 32
3|.x.tensors = .x.tensors[1:]|c.json: x: expected 1 to 64 stages and one tensor more
3|.x.tensors[0].bank = "magic"|c.json: x: tensor 1: bank: magic is no bank function
3|.x.tensors[0].words = -1|c.json: x: tensor 1: words and lines must be whole numbers from 1
3|.x.tensors[0].legs[0].stride = 1.5|c.json: x: tensor 1: leg in1: extent, stride and skew must be whole numbers
3|.x.tensors[0].legs[1].leg = "in1"|c.json: x: tensor 1: leg in1 stands twice
3|.x.tensors[0].legs[0].stride = 268435456|c.json: x: tensor 1: more than 268435456 words
3|.x.tensors[0].table = []|c.json: x: tensor 1: a table goes with bank table, and only with it
3|.x.stages[0].drain = "up"|c.json: x: stage 1: drain: expected column or row
3|.x.stages[0].rows[0] = "out9"|c.json: x: stage 1: rows: leg out9 is not in the tensor that it writes
2|.x.stages[0].cores = "leaf_9"|mapping: stage leaf_9: core leaf_9 is none of the operator's
2|.x.tensors[0].legs[0].stride = 0|mapping: stage leaf_1: bank 0 line 0 is taken twice
2|.x.tensors[1].words = 1|mapping: stage leaf_2: address 1 of 1 words
2|.x.tensors[1].lines = 1|mapping: stage leaf_2: bank 0 line 1 is outside the tensor
2|del(.h)|mapping: 0 stages for 5 cores
END
printf '{"schema":"fdht-mapping-1"' > c.json
run sim w.json --mapping c.json
same "a cut mapping" 3 "$status"
fails "a mapping of another workload" 2 "fdht simulate: mapping: 5 stages for 3 cores" \
    sim tt.json --mapping a.json
fails "a mapping and an order" 2 "fdht simulate: --mapping goes without --order, --compare, --sweep and --search (see fdht help simulate)" \
    sim w.json --mapping a.json --order natural

# ---- traces
works "trace of a stage" sim w.json --trace t.txt --trace-stage lstm --json
same "trace of a stage: its accesses alone" "$(jq '.stages[-1] | .reads + .writes' "$OUT")" "$(grep -vc '^#' t.txt)"
works "trace outside" sim large.json --set x_kib=1 --set x_buffers=1 --trace t.txt --force --json
same "trace outside: its accesses" "$(jq -r '"\(.spill_reads) \(.spill_writes) \(.reads - .spill_reads) \(.writes - .spill_writes)"' "$OUT")" \
    "$(awk '{n[$2]++} END {print n["R"], n["W"], n["r"], n["w"]}' t.txt)"
works "VCD outside" sim large.json --set x_kib=1 --set x_buffers=1 --trace t.vcd --force --json
same "VCD outside: words by cycle" "$(jq -r '"\(.spill_reads) \(.spill_writes)"' "$OUT")" "$(awk '
    $1 == "$var" && ($5 == "reads" || $5 == "writes") {way[$4] = $5}
    /^#/ {t = substr($1, 2) / 1000; for (k in n) sum[k] += (t - last) * n[k]; last = t}
    /^b/ && $2 in way {v = 0; for (i = 2; i <= length($1); i++) v = 2 * v + substr($1, i, 1); n[way[$2]] = v}
    END {print sum["reads"], sum["writes"]}' t.vcd)"
works "trace" sim w.json --trace t.txt --force
same "trace: in the order of cycles" "" "$(grep -v '^#' t.txt | cut -d' ' -f1 | sort -nc 2>&1)"
fails "trace of no stage" 2 "fdht simulate: --trace-stage: no stage leaf_9" sim w.json --trace u.txt --trace-stage leaf_9
absent "trace of no stage" u.txt
fails "a stage of no trace" 2 "fdht simulate: --trace-stage needs --trace (see fdht help simulate)" sim w.json --trace-stage lstm
for args in "--set bank_function=interleave" "--set lstm_overlap=1 --set input_words=3 --set input_buffers=2"; do
    # shellcheck disable=SC2086
    works "VCD $args" sim w.json $args --trace t.vcd --force --json
    # every change is of a declared variable, times grow, every port has a value from the start, and a bank is busy for as many cycles as it has accesses
    same "VCD $args: what is in it" "ok $(jq '.reads + .writes + .input_words' "$OUT")" "$(awk '
        BEGIN {last = -1}
        $1 == "$var" {width[$4] = $3; name[$4] = $5}
        /^#/ {t = substr($1, 2) / 1000; if (t <= last) bad = 1; last = t}
        /^b/ {if (!($2 in width) || length($1) - 1 != width[$2]) bad = 1
              if (name[$2] == "port") {if (last == 0) first[$2]
                  idle = substr($1, 2) == "01111010"
                  if (busy[$2] != "") n += t - busy[$2]
                  busy[$2] = idle ? "" : t}}
        END {for (k in busy) if (busy[k] != "") bad = 1
             for (k in name) if (name[k] == "port" && !(k in first)) bad = 1
             print bad ? "bad" : "ok", n}' t.vcd)"
done
tap_end
