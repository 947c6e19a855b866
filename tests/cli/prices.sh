#!/bin/bash
# fdht simulate: energy and area by component against an independent sum, the machines' prices against the table of the synthesis.
. "$(dirname "$0")/lib.sh"
sim() { "$FDHT" simulate "$@"; }

cat > w.json << 'END'
{"schema":"fdht-workload-1","name":"small","format":"fdht","in_modes":[4,6,5],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,2,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END
cat > tt.json << 'END'
{"schema":"fdht-workload-1","name":"primes","format":"tt","in_modes":[3,5,7],"out_modes":[2,11,13],"ranks":[1,3,3,1]}
END

# ---- rows and totals, summed by another program from counts and coefficients
if command -v python3 > python; then
    while read -r args; do
        # shellcheck disable=SC2086
        works "$args" sim $args --json
        cp "$OUT" report.json
        run python3 "$TOP/tests/tools/prices.py" report.json
        same "$args: as an independent sum" "0 " "$status $err"
    done << END
--preset tie-fc6 --arch tie --mode paper
--preset ucf11-fdht --steps 2
--preset ucf11-fdht --mode paper
--preset ucf11-fdht --steps 2 --set bank_function=table --set leakage_mw_per_mm2=3
tt.json --arch tie --set bank_function=skew --set x_banks=12 --set sram_exponent=.7
tt.json --set bank_function=table --set input_words=5
w.json --arch tie
--preset tie-ucf11 --arch tie --set x_kib=200
--preset ucf11-fdht --steps 1 --set x_kib=64 --set x_buffers=1 --set bank_function=skew
w.json --set w_kib=1 --set x_kib=1 --set input_words=3 --set lstm_lanes=5 --set bank_function=table
w.json --set x_buffers=1 --set bank_function=interleave --set n_pe=8 --set macs_per_pe=4
END
    # a wrong row is seen
    sim w.json --json | jq '.energy_pj.address *= 1.001' > wrong.json
    run python3 "$TOP/tests/tools/prices.py" wrong.json
    [ "$status" = 1 ] && [[ $err == address:* ]] && pass "a wrong row is seen" || fail "a wrong row is seen" "$(said)"
else
    skip "rows of an independent sum" "no python3 here"
fi

# ---- what doubling does: one row (memory of the LSTM unit aside, which has the prices of the weight memory)
works "as it is" sim w.json --set input_words=4 --set w_kib=1 --set lstm_kib=0 --json
cp "$OUT" base.json
while read -r key row; do
    works "$key doubled" sim w.json --set input_words=4 --set w_kib=1 --set lstm_kib=0 --set "$key=$(jq ".machine.$key * 2" base.json)" --json
    same "$key doubled: rows that change" "[\"$row\",\"total\"]" \
        "$(jq -c --slurpfile b base.json '[.energy_pj, .area_mm2 | to_entries[]] - [$b[0] | .energy_pj, .area_mm2 | to_entries[]] | map(.key)' "$OUT")"
    json "$key doubled: cycles stay" ".cycles == $(jq .cycles base.json)" true
done << END
mac_pj mac
agu_pj address
place_pj address
crossbar_pj network
arbiter_pj network
drain_pj drain
round_pj round
w_write_pj w_write
link_pj_per_bit link
mac_gates mac
agu_gates address
place_gates address
crossbar_gates network
arbiter_gates network
drain_gates drain
round_gates round
lstm_gates lstm
lstm_table_gates lstm
END

# ---- stages add up, in JSON and in CSV
works "stages" sim w.json --set input_words=4 --set w_kib=1 --csv s.csv --json
json "stages: each is its rows" '[.stages[] | (([.energy_rows_pj[]] | add) / .energy_pj - 1 | fabs) < 1e-12] | all' true
json "stages: their sum" '. as $r | [.energy_pj | to_entries[] | select(.key != "total") | .key as $k | ([$r.stages[].energy_rows_pj[$k]] | add) as $s |
    ($s - .value | fabs) <= 1e-9 * .value] | all' true
same "stages: CSV has the rows" "$(jq -r '[(.energy_pj | keys_unsorted[] | select(. != "total") + "_pj"), (.area_mm2 | keys_unsorted[] |
    if . == "total" then "area_mm2" else . + "_mm2" end)] | join(",")' "$OUT")" "$(head -1 s.csv | sed 's/.*bank_function,//')"
# column by column: the stages' sum is in the row "total", cycles and energies; the areas are those of the report, of no stage
same "stages: CSV, the sums" "all of them" "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i ~ /_cycles$|_pj$/ && $i !~ /extra/) {sum[i] = 0; n++} next}
    $1 != "total" {for (i in sum) sum[i] += $i}
    $1 == "total" {for (i in sum) ok += $i - sum[i] <= 1e-9 * $i && sum[i] - $i <= 1e-9 * $i} END {print (ok == n && n > 20 ? "all of them" : ok " of " n)}' s.csv)"
same "stages: CSV, the areas" "$(jq -c '.area_mm2 | to_entries | map(.value)' "$OUT")" \
    "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) if ($i ~ /_mm2$/) last[++n] = i; next}
    $1 != "total" {for (k = 1; k <= n; k++) if ($last[k] != "") exit}
    $1 == "total" {for (k = 1; k <= n; k++) print $last[k]}' s.csv | jq -cs .)"
works "text" sim w.json
has "text: rows" "$out" "energy a step, nJ     mac "
has "text: the input costs nothing" "$out" "(the input is in place: nothing of it comes over the link)"
has "text: where a price comes from" "$out" "(tests/rtl/syn)"

# ---- the machines have the prices of the table, and no part that is not in it
table=$TOP/tests/rtl/syn/prices.json
works "tie" sim tt.json --arch tie --mode paper --json
cp "$OUT" tie.json
works "fdht" sim tt.json --mode paper --json
for part in $(jq -r '.parts | keys[]' "$table"); do
    machine=$OUT
    json "table: $part, gates" ".machine.${part}_gates == $(jq ".parts.$part.gates" "$table")" true
    json "table: $part, energy" "(.machine.${part}_pj / $(jq ".parts.$part.pj_180nm * .calibration.energy_factor" "$table") - 1 | fabs) < 1e-5" true
    case $part in
    lstm*) same "table: $part is not in tie" 0 "$(jq ".machine.${part}_gates" tie.json)" ;;
    *) same "table: $part is the same in tie" "$(jq ".machine.${part}_gates, .machine.${part}_pj" "$machine")" \
        "$(jq ".machine.${part}_gates, .machine.${part}_pj" tie.json)" ;;
    esac
done
same "table: all parts" "$(jq -r '[.machine | keys[] | select(endswith("_gates")) | rtrimstr("_gates")] | sort | join(" ")' "$OUT")" \
    "$(jq -r '.parts | keys | join(" ")' "$table")"
json "table: area of a gate" ".machine.mm2_per_mgate == $(jq .calibration.mm2_per_mgate "$table")" true
# calibrated on TIE: its logic by hand, 256 MACs, 51 lanes of addresses, 32 words placed, 16 x 16 either way, 16 words out
json "table: TIE's gates" "$(jq '.calibration.tie_gates' "$table") as \$g | .machine | (256 * .mac_gates + 51 * .agu_gates + 32 * .place_gates +
    512 * (.crossbar_gates + .arbiter_gates) + 16 * (.drain_gates + .round_gates) - \$g | fabs) <= .5 and (\$g * .mm2_per_mgate / 1e6 / .454 - 1 | fabs) < 1e-5" true

# ---- the prices are of the sources as they are, the page has them, and the energy of an access grows with a memory as CACTI says
if command -v python3 > python; then
    stale() { run python3 "$TOP/tests/rtl/syn/prices.py" --check "$1" "$table"; }
    stale "$TOP/lib/sim/rtl"
    same "sources of the prices" "0 " "$status $err"
    cp -r "$TOP/lib/sim/rtl" changed
    echo '// a word more' >> changed/agu.sv
    sed -i 's/endmodule/wire unpriced;\n&/' changed/array.sv changed/fdht_acc.sv
    stale changed
    same "sources of the prices: comments, and modules that have none" "0 " "$status $err"
    sed -i '/^module mac /,/^endmodule/s/+ half/+ half + 1/' changed/mac.sv
    stale changed
    same "sources of the prices: a change of mac.sv is seen" "1 mac: its sources are not those of its price (make rtl-prices)" "$status $err"
    run python3 "$TOP/tests/tools/hw_page.py" "$TOP/formats/json/machines" "$TOP/man/fdht-hw.5"
    same "fdht-hw.5: values and sources" "0 " "$status $err"
    same "fdht-simulate.1: what published scaling gives" \
        "$(jq -r '.calibration | [.check.tie_logic_mm2 / .tie_logic_mm2, .check.tie_logic_mw / .tie_logic_mw | . * 10 | round / 10] |
            "\(.[0]) times that area and \(.[1]) times that power"' "$table")" \
        "$(grep -o '[0-9.]* times that area and [0-9.]* times that power' "$TOP/man/fdht-simulate.1")"
    sed 's/tie 20.3/tie 20.4/' "$TOP/man/fdht-hw.5" > page.5
    run python3 "$TOP/tests/tools/hw_page.py" "$TOP/formats/json/machines" page.5
    [ "$status" = 1 ] && [[ $err == link_pj_per_bit:* ]] && pass "fdht-hw.5: another value is seen" || fail "fdht-hw.5: another value is seen" "$(said)"
else
    skip "sources of the prices, fdht-hw.5" "no python3 here"
fi
# slopes of log energy over log size, reading and writing at 65 and 28 nm, within 0.06 of the exponent; of the area, of 1
works "sram_exponent" sim tt.json --mode paper --json
same "sram_exponent and area: CACTI's table" "65 0 65 0 65 0 28 0 28 0 28 0" "$(awk -F, -v e="$(jq .machine.sram_exponent "$OUT")" '
    /^[0-9]/ {for (k = 3; k <= 5; k++) {x = log($2); y = log($k); i = $1 k; n[i]++; sx[i] += x; sy[i] += y; xx[i] += x * x; xy[i] += x * y}}
    END {split("653 654 655 283 284 285", at, " ")
         for (j = 1; j <= 6; j++) {i = at[j]; slope = (n[i] * xy[i] - sx[i] * sy[i]) / (n[i] * xx[i] - sx[i] * sx[i])
             off = slope - (i % 10 == 5 ? 1 : e); printf("%s%d %d", j > 1 ? " " : "", i / 10, (off > .06 || off < -.06))}}' "$TOP/tests/data/sram.csv")"

# ---- in and out
"$FDHT" info "$TOP/formats/json/machines/fdht.json" --json > hw.json
jq '{schema: "fdht-hw-1", name: "copy"} + (with_entries(select(.key as $k | ["kind", "schema", "name", "path", "file", "area_mm2"] | index($k) | not)))' \
    hw.json > copy.json
works "a copy of all prices" sim w.json --arch copy.json --json
copy=$(jq -c '[.energy_pj, .area_mm2]' "$OUT")
same "a copy of all prices: the same figures" "$(sim w.json --json | jq -c '[.energy_pj, .area_mm2]')" "$copy"
fails "an unknown part" 2 "fdht simulate: divider_gates: no such hardware key" sim w.json --set divider_gates=3
echo '{"schema":"fdht-hw-1","shifter_pj":1}' > bad.json
fails "an unknown part in a file" 3 "fdht simulate: bad.json: shifter_pj: no such hardware key" sim w.json --arch bad.json
fails "a price below zero" 2 "fdht simulate: agu_pj: -1 is not in 0..1e+06" sim w.json --set agu_pj=-1
tap_end
