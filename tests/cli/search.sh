#!/bin/bash
# fdht simulate --sweep, --search, --budget, --sensitivity: points, fronts, budgets, and what a coefficient moves.
. "$(dirname "$0")/lib.sh"
sim() { "$FDHT" simulate "$@"; }

cat > tt.json << 'END'
{"schema":"fdht-workload-1","name":"primes","format":"tt","in_modes":[3,5,7],"out_modes":[2,11,13],"ranks":[1,3,3,1]}
END
# of each machine's points within a budget (a jq condition), those that no other one beats in time, area and energy
front() {
    jq -r "[.$1.points[] | select($2)] as \$p | [.$1.points[] | . as \$a | if (\$a | $2) and ([\$p[] | select(.machine == \$a.machine and
        .us_per_step <= \$a.us_per_step and .area_mm2 <= \$a.area_mm2 and .nj_per_step <= \$a.nj_per_step and
        (.us_per_step < \$a.us_per_step or .area_mm2 < \$a.area_mm2 or .nj_per_step < \$a.nj_per_step))] | length) == 0
        then 1 else 0 end] | join(\" \")" "$OUT"
}

works "search" sim tt.json --search --csv search.csv --json
same "search: the front is what none beats in time, area and energy" "$(front search true)" \
    "$(tail -n +2 search.csv | awk -F, '{print $NF}' | paste -sd ' ')"
json "search: both machines, the same grid" '[.search.points[] | .machine] | group_by(.) | map(length) | unique | length' 1
json "search: energy is power times time" '[.search.points[] | (.power_mw * .us_per_step - .nj_per_step | fabs) < 1e-9 * .nj_per_step] | all' true
json "search: each has the buffers it needs" '[.search.points[] | .spill_cycles_per_step == 0] | all' true
json "search: the best is the least product of the three" '.search as $s | [$s.points[] | select(.machine == "fdht")] |
    min_by(.us_per_step * .area_mm2 * .nj_per_step) | .value == $s.best' true
json "search: over TIE's best" '.search as $s | [$s.points[] | select(.value == $s.best or .value == $s.rival)] | length' 2
area=$(jq '[.search.points[].area_mm2] | sort | .[length / 2 | floor]' "$OUT")
works "budget" sim tt.json --search --budget "mm2=$area" --json
json "budget: nothing larger is on the front" "[.search.points[] | select(.front) | .area_mm2 <= $area] | all" true
same "budget: the front" "$(front search ".area_mm2 <= $area")" "$(jq -r '[.search.points[] | if .front then 1 else 0 end] | join(" ")' "$OUT")"
# both machines get the buffers that they need and no more: eight KiB less and words spill
cat > ours.json << 'END'
{"schema":"fdht-workload-1","name":"ours","format":"fdht","in_modes":[8,20,20,18],"out_modes":[16,4,4,4],"gates":4,"steps":1,
 "tree":"((1,2),(3,4))","leaf_ranks":[4,4,4,4],"inner_ranks":[4,4],"hidden_box":[1,4,8,8]}
END
cat > rival.json << 'END'
{"schema":"fdht-workload-1","name":"rival","format":"tt","in_modes":[8,20,20,18],"out_modes":[16,4,4,4],"gates":4,"ranks":[1,4,4,4,1]}
END
works "fitted buffers" sim ours.json --search --json
cp "$OUT" points.json
while read -r machine arch workload; do
    kib=$(jq -r ".search.points[].value" points.json | sed -n "s/^$machine: 16 PE x 16, wb 16, 2 x \([0-9]*\) KiB$/\1/p")
    set -- sim $workload --arch $arch --order best --set wb_words=16 --set x_banks=16 --set lstm_lanes=16
    works "fitted buffers: $machine, $kib KiB" "$@" --set x_kib="$kib" --json
    json "fitted buffers: $machine, the same point" "[.spilled_words, .area_mm2.total, .cycles / .steps]" \
        "$(jq -c ".search.points[] | select(.value | startswith(\"$machine: 16 PE x 16, wb 16,\")) | [0, .area_mm2, .cycles_per_step]" points.json)"
    works "fitted buffers: $machine, less" "$@" --set x_kib=$((kib - 8)) --json
    json "fitted buffers: $machine, less spills" ".spilled_words > 0" true
done << 'END'
fdht fdht ours.json
TIE tie rival.json
END
# twice the clock is the same energy and area in half the time, at twice the power: a point beyond the budget hides nothing
works "budget of power" sim tt.json --sweep clock_hz=5e8,1e9 --json
json "budget of power: the faster clock" '[.sweep.points[].front]' '[false,true]'
mw=$(jq '.sweep.points | .[0].power_mw * 1.5' "$OUT")
works "budget of power" sim tt.json --sweep clock_hz=5e8,1e9 --budget "mw=$mw" --json
json "budget of power: the slower clock" '[.sweep.points[].front]' '[true,false]'
works "no budget for anything" sim tt.json --search --budget us=1e-6 --json
json "no budget for anything" '[(.search.points | length > 0), .search.best, ([.search.points[].front] | any)]' '[true,null,false]'
works "several keys" sim tt.json --arch tie --sweep n_pe=8,16 --sweep wb_words=16,32,64 --csv sweep.csv --json
json "several keys: all combinations" '[.sweep.key, (.sweep.points | length), .sweep.points[4].value]' '["n_pe wb_words",6,"n_pe=16 wb_words=32"]'
while read -r pe wb; do
    cycles=$(jq ".sweep.points[] | select(.value == \"n_pe=$pe wb_words=$wb\") | .cycles_per_step" "$OUT")
    same "several keys: $pe $wb alone" "$cycles" "$(sim tt.json --arch tie --set n_pe="$pe" --set wb_words="$wb" --json | jq .cycles)"
done << END
8 64
16 16
END
same "several keys: the front" "$(front sweep true)" "$(tail -n +2 sweep.csv | awk -F, '{print $NF}' | paste -sd ' ')"
works "search over keys" sim tt.json --search --sweep n_pe=8,16 --sweep x_kib=64,128 --json
json "search over keys" '.search.points | length' 8

# ---- sensitivity: area efficiency follows from the areas alone
works "sensitivity" sim --preset ucf11-fdht --steps 1 --sensitivity --json
cp "$OUT" s.json
json "sensitivity: no published number" '[.sensitivity.points[] | select(.kind == "published")] | length' 0
json "sensitivity: the paper's claims beside it" '.sensitivity.paper | [.throughput, .area_efficiency, .energy_efficiency]' '[1.9,1,1.83]'
own=$(jq .area_mm2.total s.json)
tie=$(sim --preset tie-fc7 --arch tie --mode paper --json | jq .area_mm2.total)
json "sensitivity: x_kib doubled" ".sensitivity as \$s | ([\$s.points[] | select(.key == \"x_kib\")][1].area_efficiency /
    (\$s.area_efficiency * ($own / ($own + 2 * 768 * .machine.sram_mm2_per_kib)) * (($tie + 2 * 384 * .machine.sram_mm2_per_kib) / $tie)) - 1) |
    fabs < 1e-9" true
json "sensitivity: an energy moves energy alone" '.sensitivity as $s | [$s.points[] | select(.key == "x_write_pj") |
    .throughput == $s.throughput and .area_efficiency == $s.area_efficiency and .energy_efficiency != $s.energy_efficiency] | all' true
run jq -r '.sensitivity.throughput' s.json
base=$out
cycles=$(sim --preset ucf11-fdht --steps 1 --set pipeline_cycles=8 --json | jq .cycles)
same "sensitivity: pipeline_cycles doubled is a run of its own" true "$(jq "[.sensitivity.points[] | select(.key == \"pipeline_cycles\")][1].throughput * $cycles /
    ($base * .cycles) - 1 | fabs < 1e-9" s.json)"

# ---- pictures
if command -v gnuplot > gnuplot.txt; then
    works "sweep, --plot" sim tt.json --arch tie --sweep n_pe=8,16,32 --mode paper --plot sweep.svg
    has "sweep, --plot: its key" "$(cat sweep.svg)" n_pe
    works "sweep of keys, --plot" sim tt.json --sweep n_pe=8,16 --sweep wb_words=16,32 --plot keys.svg
    works "search, --plot" sim tt.json --search --plot search.svg
    has "search, --plot: the front" "$(cat search.svg)" "Pareto front"
    has "search, --plot: energy" "$(cat search.svg)" "nJ a step"
    works "search, --plot with budgets" sim tt.json --search --budget us=.1 --budget mm2=2 --budget nj=9 --budget mw=200 --plot budgets.svg
    same "search, --plot with budgets: one name for them in each picture" 2 "$(grep -c '>budget<' budgets.svg)"
    same "search, --plot with budgets: time twice, area, energy, power" 5 \
        "$(grep -o "stroke='rgb(128, 128, 128)' stroke-dasharray" budgets.svg | wc -l)"
    works "stages, --plot" sim tt.json --set input_words=3 --plot stages.svg
    same "stages, --plot: issue and input have other colours" 2 "$(awk -F"'" '/<text>/ {name = $0}
        /<polygon/ && name ~ />(issue|input)</ {print $2; name = ""}' stages.svg | sort -u | wc -l)"
else
    skip "--plot of points" "no gnuplot here"
fi

# ---- misuse
fails "a key twice" 2 "fdht simulate: --sweep: n_pe stands twice (see fdht help simulate)" sim tt.json --sweep n_pe=8 --sweep n_pe=16
fails "no values" 2 "fdht simulate: --sweep: n_pe: no values (see fdht help simulate)" sim tt.json --sweep n_pe=
fails "a budget of nothing" 2 "fdht simulate: --budget needs --sweep or --search (see fdht help simulate)" sim tt.json --budget mm2=2
fails "a budget" 2 "fdht simulate: --budget: expected us, mm2, nj or mw and a number, as mm2=2.5, got 'cm=2' (see fdht help simulate)" \
    sim tt.json --search --budget cm=2
tap_end
