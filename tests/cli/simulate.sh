#!/bin/bash
# fdht simulate: TIE's published figures, values bit for bit, corrupt and impossible inputs, every kind of output.
. "$(dirname "$0")/lib.sh"
sim() { "$FDHT" simulate "$@"; }

# ---- published figures, in both orders
while read -r name cycles reverse parameters; do
    works "$name paper" sim --preset "$name" --arch tie --mode paper --json
    json "$name: cycles" .cycles "$cycles"
    json "$name: parameters" .parameters "$parameters"
    json "$name: nothing moves" .bit_exact null
    json "$name: no stall" '[.stall_cycles[]] | add' 0
    d=$("$FDHT" info --preset "$name" --json | jq '.in_modes | length')
    works "$name reverse" sim --preset "$name" --arch tie --mode paper --order "$(seq -s, "$d" -1 1)" --json
    json "$name: reverse cycles" .cycles "$reverse"
done << END
tie-fc6 26912 14240 2016
tie-fc7 4608 4608 1152
tie-ucf11 12312 7472 2976
tie-youtube 21024 5536 3200
END
while read -r name wb cycles; do
    works "$name wb_words=$wb" sim --preset "$name" --arch tie --set "wb_words=$wb" --json
    json "$name wb_words=$wb: cycles" '.issue_cycles + .stall_cycles.drain' "$cycles"
    json "$name wb_words=$wb: bits" .bit_exact true
    json "$name wb_words=$wb: sum" '.cycles == .issue_cycles + ([.stall_cycles[]] | add)' true
done << END
tie-fc6 16 38656
tie-fc6 128 27680
tie-fc7 16 6144
tie-fc7 64 5376
END

# ---- a whole LSTM
works "lstm" sim --preset ucf11-fdht --json
json "lstm: bits" .bit_exact true
json "lstm: conflicts" '.stall_cycles.read_conflict + .stall_cycles.write_conflict' 0
json "lstm: recurrence" '.stall_cycles.recurrence > 0' true
json "lstm: writes of h wait for no port" '.stall_cycles.port == 6 * (256 / 16 - 2)' true
json "lstm: SNR" '.snr_db > 40' true
json "lstm: the keys" 'keys - ["bank_conflicts","bank_reads","bank_writes","machine","mapping","peak_words","power_mw",
    "read_conflict_extra_cycles","write_conflict_extra_cycles","reads","writes","saturated_accumulations",
    "saturated_words","schema","snr_db","spill_reads","spill_writes","spilled_words","steps"] | join(" ")' \
    "\"$(echo 'arch area_mm2 bit_exact bound clips_at_once cycles energy_pj gops input_words issue_cycles latency_cycles latency_max_cycles' \
        'link_cycles lstm_unit_cycles mode multiply_adds order parameters refill_words stages stall_cycles tops_dense us_per_step workload')\""
json "lstm: energy adds up" '.energy_pj | ([to_entries[] | select(.key != "total") | .value] | add) / .total - 1 | fabs < 1e-12' true
works "one step" sim --preset ucf11-fdht --steps 1 --json
json "one step: bits" '[.bit_exact, .snr_db > 40]' '[true,true]'
works "interleaved" sim --preset ucf11-fdht --set bank_function=interleave --json
json "interleaved: conflicts" '.stall_cycles.write_conflict + .stall_cycles.read_conflict > 1000' true
json "interleaved: bits" .bit_exact true
cycles=$(jq .cycles "$OUT")
works "another seed" sim --preset ucf11-fdht --set bank_function=interleave --seed 7 --json
json "another seed, the same cycles" .cycles "$cycles"

# ---- what README.md shows of it, and says of the search
works "README" sim --preset ucf11-fdht
sed -n '/^    \$ fdht simulate --preset ucf11-fdht$/,/^$/p' "$TOP/README.md" | sed -n 's/^    //p' | grep -v '^\$\|^\.\.\.$' > shown
same "README: it shows lines" 3 "$(wc -l < shown)"
same "README: each is one of the report" "" "$(grep -vxFf "$OUT" shown)"
works "README: the search" sim --preset ucf11-fdht --steps 2 --search --json
json "README: level in time and energy, a quarter larger" '.search | [.throughput, .energy_efficiency, .throughput / .area_efficiency | . * 20 | round / 20]' '[1,1.05,1.25]'

# ---- the published cells: their dense hidden matrix streams through the weight memory, 262,144 words a step at 4 a cycle
for name in ucf11-tt ucf11-ht ucf11-tr; do
    works "$name" sim --preset $name --steps 2 --json
    json "$name: bits" .bit_exact true
    json "$name: streams its hidden matrix" '.stages[-2] | [.rows, .inner, .stall_cycles.weight_refill]' '[1024,256,131072]'
done
fails "ucf11-bt" 1 "fdht simulate: bt operators have no single chain of stages" sim --preset ucf11-bt

# ---- workloads from files
cat > w.json << 'END'
{"schema":"fdht-workload-1","name":"small","format":"fdht","in_modes":[4,6,5],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,2,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END
works "workload" sim w.json --json
json "workload: name, bits, steps" '[.workload, .bit_exact, .steps]' '["small",true,3]'
json "workload: parameters" .parameters "$((5 * 8 * 3 + 6 * 4 * 2 + 5 * 2 * 3 + 5 * 3 * 2 + 5 * 3))"
cat > tt.json << 'END'
{"schema":"fdht-workload-1","name":"primes","format":"tt","in_modes":[3,5,7],"out_modes":[2,11,13],"ranks":[1,3,3,1]}
END
works "primes" sim tt.json --arch tie --mode paper --json
json "primes: parameters, multiply-adds, cycles" '[.parameters, .multiply_adds, .cycles]' '[786,13566,53]'
works "primes real" sim tt.json --arch tie --set wb_words=32 --set x_banks=32 --json
json "primes: tiles" '.issue_cycles + .stall_cycles.drain' 96
for bank in interleave xor skew lane table; do
    works "primes $bank" sim tt.json --set bank_function=$bank --json
    json "primes $bank: bits" .bit_exact true
done

# ---- traces replay: accesses of one cycle, port and buffer to one bank, less one, is what the report says
works "trace" sim tt.json --set bank_function=interleave --set x_banks=8 --trace t.txt --json
want=$(jq '.read_conflict_extra_cycles + .write_conflict_extra_cycles' "$OUT")
same "replayed" "$want" "$(awk '!/^#/ {n[$1" "$2" "$3" "$6" "$4]++}
    END {for (k in n) {split(k, p, " "); g = p[1]" "p[2]" "p[3]" "p[4]; if (n[k] > m[g]) m[g] = n[k]}
         for (g in m) s += m[g] - 1; print s + 0}' t.txt)"
[ "$want" -gt 0 ] && pass "something to replay" || fail "something to replay" "no conflicts"
fails "trace stands" 1 "fdht simulate: t.txt: exists (use --force to overwrite it)" sim w.json --trace t.txt
works "trace again" sim w.json --trace t.txt --force

# ---- other outputs
works "csv" sim w.json --csv s.csv
same "csv: a line a stage, and one of all" "$(($(sim w.json --json | jq '.stages | length') + 2))" "$(wc -l < s.csv)"
same "csv: as wide as its head" 1 "$(awk -F, '{print NF}' s.csv | sort -u | wc -l)"
works "sweep" sim tt.json --arch tie --sweep n_pe=8,16,32 --mode paper --json
json "sweep" '[.sweep.points[].cycles_per_step]' '[106,53,27]'
works "sweep, --csv" sim tt.json --arch tie --sweep n_pe=8,16,32 --mode paper --csv sweep.csv
same "sweep, --csv: the same cycles" "n_pe 8 106,n_pe 16 53,n_pe 32 27" \
    "$(tail -n +2 sweep.csv | tr -d '"' | awk -F, '{print $1, $2, $4}' | paste -sd ,)"
works "compare" sim --preset youtube-fdht --compare tie --json
json "compare: TIE as published" '[.comparison[0] | .cycles_per_step, .mode]' '[21024,"paper"]'
json "compare: past the paper" '.ratios[0] | .throughput > 2.5 and .energy_efficiency > 2.41' true
json "compare: ablation" '.ablation | length' 5

# ---- trained models on clips: each cell that is one chain, its own weights, the reference, floating point
data=$TOP/tests/data/bars.h5
for cell in fdht ht tt tr; do
    "$FDHT" train "$data" -o "$cell.h5" --cell $cell --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 --diff --lr 2e-2 \
        --epochs 10 --seed 3 > /dev/null 2>&1
    works "$cell model" sim "$cell.h5" --input "$data" --clips 20 --json
    json "$cell model: bits, clips" '[.bit_exact, .clips, .steps]' '[true,20,100]'
    json "$cell model: SNR" '.snr_db > 30' true
    json "$cell model: classes" '.class_agreement >= 19' true
    works "$cell model on random frames" sim "$cell.h5" --steps 3 --json
    json "$cell model on random frames: bits, steps" '[.bit_exact, .steps]' '[true,3]'
    works "$cell model on paper" sim "$cell.h5" --mode paper --json
    json "$cell model on paper: bound" '.cycles * 256 >= .multiply_adds' true
done
"$FDHT" pack -q --resize 6x5 "$data" -o other.h5 > /dev/null
fails "clips of another size" 3 "fdht simulate: clip bar_00: 6x5x3, the model takes 8x8x3 (--resize)" sim ht.h5 --input other.h5
works "clips of another size, --resize" sim ht.h5 --input other.h5 --clips 2 --resize --json
json "clips of another size, --resize: clips" .clips 2
run "$FDHT" infer fdht.h5 "$data" --fixed16
cp "$OUT" fixed
run "$FDHT" infer fdht.h5 "$data"
same "infer --fixed16: clips" 90 "$(wc -l < fixed)"
[ "$(paste <(jq .class fixed) <(jq .class "$OUT") | awk '$1 == $2' | wc -l)" -ge 86 ] && pass "infer --fixed16: classes" ||
    fail "infer --fixed16: classes" "fewer than 86 of 90 agree"
"$FDHT" train "$data" -o bt.h5 --cell bt --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 1 > /dev/null 2>&1
fails "bt model" 1 "fdht simulate: fixed point: bt cells are sums of networks, not one chain of stages" sim bt.h5
fails "--resize without clips" 2 "fdht simulate: --resize needs --input (see fdht help simulate)" sim ht.h5 --resize
fails "data for a workload" 2 "fdht simulate: --input needs a MODEL.h5 (see fdht help simulate)" sim w.json --input "$data"
fails "data as a model" 3 "fdht simulate: $data: dataset: expected a model or a workload" sim "$data"

# ---- machines
cat > shape.json << 'END'
{"schema":"fdht-workload-1","name":"mine","format":"fdht","in_modes":[8,20,20,18],"out_modes":[16,4,4,4],"gates":4,"steps":1,
 "tree":"((1,2),(3,4))","leaf_ranks":[4,4,4,4],"inner_ranks":[4,4],"hidden_box":[1,4,8,8]}
END
echo '{"schema":"fdht-hw-1","name":"one bank","base":"tie","x_banks":1}' > one.json
works "one bank" sim tt.json --arch one.json --json
json "one bank: every word of a read takes its turn" '[.arch, .read_conflict_extra_cycles == .reads - .issue_cycles]' \
    '["one bank",true]'
echo '{"schema":"fdht-hw-2"}' > new.json
fails "newer machine" 3 "fdht simulate: new.json: schema is fdht-hw-2, expected fdht-hw-1" sim tt.json --arch new.json
echo '{"schema":"fdht-hw-1","n_pe":0}' > bad.json
fails "machine out of range" 3 "fdht simulate: bad.json: n_pe: 0 is not in 1..256" sim tt.json --arch bad.json
echo '{"schema":"fdht-hw-1","pes":3}' > bad.json
fails "machine key" 3 "fdht simulate: bad.json: pes: no such hardware key" sim tt.json --arch bad.json
printf '{"schema":"fdht-hw-1","name":"a\\u001b[2Jb"}' > bad.json
fails "machine name" 3 "fdht simulate: bad.json: name: holds a control character" sim tt.json --arch bad.json
printf '{"schema":"fdht-workload-1","name":"a\\u001b[2Jb","format":"tt","in_modes":[3],"out_modes":[2],"ranks":[1,1]}' > esc.json
fails "workload name" 3 "fdht simulate: esc.json: name: holds a control character" sim esc.json
fails "half a word a bank" 2 "fdht simulate: x_kib = 384: its 196608 words do not fill 7 banks evenly" \
    sim tt.json --arch tie --set x_banks=7
fails "sweep, before anything is printed" 2 "fdht simulate: n_pe: 0 is not in 1..256" sim tt.json --sweep n_pe=8,0
works "claims go by shape, not by name" sim shape.json --compare tie --json
json "claims go by shape, not by name" '[(.claims | length), (.ranks | length)]' '[12,7]'
echo '{"schema":"fdht-hw-1"' > bad.json
run sim tt.json --arch bad.json
same "cut file" 3 "$status"
fails "capacity" 4 "fdht simulate: stage core_1: 12800 words do not fit x_kib = 200, and spill_words is 0" \
    sim --preset tie-ucf11 --arch tie --set x_kib=200 --set spill_words=0 --set bank_function=interleave
# 115,200 words out of core_1, 102,400 fit; core_2 has one row tile: each of the others goes out once and comes once
works "spill" sim --preset tie-ucf11 --arch tie --set x_kib=200 --json
json "spill: words" '[.bit_exact, .spilled_words, .spill_reads, .spill_writes]' '[true,25600,12800,12800]'
json "spill: where" '[.stages[] | .spill_reads, .spill_writes]' '[0,12800,12800,0,0,0,0,0]'
json "spill: a line of 16 words takes four cycles in place of one" '.stages[1].stall_cycles.spill == 12800 / 16 * 3' true
json "spill: cycles" '.cycles == .issue_cycles + ([.stall_cycles[]] | add)' true
json "spill: the link has them, the banks do not" '.energy_pj.link == 25600 * 16 * .machine.link_pj_per_bit and
    (.bank_reads | add) == .reads - .spill_reads and (.bank_writes | add) == .writes - .spill_writes' true
works "spill, as text" sim --preset tie-ucf11 --arch tie --set x_kib=200
has "spill, as text" "$out" "peak occupancy        115200 words of 102400 a buffer; 12800 reads and 12800 writes over the link"
fails "spill: z_h has no room" 4 \
    "fdht simulate: stage h:leaf_1: the 1024 words that the LSTM unit reads must be in memory, x_kib = 4 has room for 768" \
    sim --preset ucf11-fdht --set x_kib=4 --set x_buffers=1
fails "spill: no room for what is kept" 4 \
    "fdht simulate: program ucf11-fdht: z, h and inputs of 1280 words are kept in memory, x_kib = 2 has room for 1024" \
    sim --preset ucf11-fdht --set x_kib=2 --set x_buffers=1

# ---- what such files hold
works "info: machine" "$FDHT" info one.json --json
json "info: machine" '[.kind, .name, .x_banks, .n_pe]' '["hardware","one bank",1,16]'
works "info: workload" "$FDHT" info w.json --json
json "info: workload" '[.kind, .name, .cell, .steps, .parameters]' '["workload","small","fdht",3,243]'
works "info: workload as text" "$FDHT" info tt.json
echo '{}' > no.json
fails "info: other JSON" 3 "fdht info: no.json: JSON, but neither a machine, a workload nor a mapping" "$FDHT" info no.json

# ---- misuse
fails "nothing" 2 "fdht simulate: expected one MODEL.h5, WORKLOAD.json or --preset NAME (see fdht help simulate)" sim
fails "key" 2 "fdht simulate: nope: no such hardware key" sim tt.json --set nope=1
fails "value" 2 "fdht simulate: n_pe: 8x is not a number" sim tt.json --set n_pe=8x
fails "order" 2 "fdht simulate: --order: 'worst' is not natural, best or a list of factors (see fdht help simulate)" \
    sim tt.json --order worst
fails "order's length" 2 "fdht simulate: order: expected 3 factors, got 2" sim tt.json --order 1,2
fails "missing" 1 "fdht simulate: gone.json: No such file or directory" sim gone.json
sed 's/"ranks":\[1,3,3,1\]/"ranks":[1,3,1]/' tt.json > bad.json
fails "ranks" 3 "fdht simulate: bad.json: ranks: expected 4 numbers, got 3" sim bad.json
sed 's/"tt"/"tucker"/' tt.json > bad.json
fails "format" 3 "fdht simulate: bad.json: format: expected tt, ht or fdht" sim bad.json
sed 's/\[3,5,7\]/[3,5,-7]/' tt.json > bad.json
fails "mode" 3 "fdht simulate: bad.json: in_modes: entry 3 is not a whole number from 1" sim bad.json
sed 's/"ranks":\[1,3,3,1\]/"ranks":[1,90000,90000,1]/' tt.json > bad.json
run sim bad.json
same "ranks without end" 3 "$status"
cat > bad.json << 'END'
{"schema":"fdht-workload-1","format":"ht","in_modes":[2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2],"out_modes":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],
 "tree":"((((1,2),(3,4)),((5,6),(7,8))),(((9,10),(11,12)),((13,14),(15,16))))","leaf_ranks":[2,2,2,2,2,2,2,2,2,2,2,2,2,2,2,2],
 "inner_ranks":[2,2,2,2,2,2,2,2,2,2,2,2,2,2]}
END
run sim bad.json --order natural
same "more legs than there are numbers for" "1 fdht simulate: an operator of 31 cores with 63 legs: at most 31 with 62" "$status $err"
cat > bad.json << 'END'
{"schema":"fdht-workload-1","format":"ht","in_modes":[4,4,4,4,4,4],"out_modes":[4,4,4,4,4,4],"leaf_ranks":[99,99,99,99,99,99],
 "inner_ranks":[1,1,1,1]}
END
fails "a tensor without end" 4 "fdht simulate: stage 3: a tensor of more than 268435456 words" sim bad.json --order 1,4,2,5,3,6
# every key stands in the manual
for key in $(sim tt.json --mode paper --json | jq -r '.machine | keys[]'); do
    grep -q "^.It Li $key\$" "$TOP/man/fdht-hw.5" && pass "fdht-hw.5: $key" || fail "fdht-hw.5: $key" missing
done
tap_end
