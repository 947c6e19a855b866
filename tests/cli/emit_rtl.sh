#!/bin/bash
# fdht simulate --emit-rtl: the folder, and what it refuses. That the hardware does what the folder says is tests/rtl/check.
. "$(dirname "$0")/lib.sh"
sim() { "$FDHT" simulate "$@"; }

cat > w.json << 'END'
{"schema":"fdht-workload-1","name":"small","format":"fdht","in_modes":[4,6,5],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,2,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END
files="rtl rtl/bias.hex rtl/cmd.hex rtl/desc.hex rtl/fdht_params.svh rtl/host.hex rtl/input.hex rtl/places.hex rtl/tables.hex rtl/trace.txt rtl/weights.hex w.json"
set -- w.json --set bank_function=skew
works "emit" sim "$@" --emit-rtl rtl --json
listing "emit: the files" "$files"
same "emit: every access, and the end" "$(jq '.reads + .writes' "$OUT") end $(jq .cycles "$OUT")" \
    "$(grep -c '^[0-9]' rtl/trace.txt) $(tail -n 1 rtl/trace.txt)"
same "emit: 120 words an input, three of them" "120 360" "$(cat rtl/places.hex | wc -l) $(cat rtl/input.hex | wc -l)"
same "emit: every word has its place" 120 "$(sort -u rtl/places.hex | wc -l)"
same "emit: a table of the sigmoid ends at 1" 7ff5 "$(sed -n 257p rtl/tables.hex)"
works "emit with a link" sim "$@" --set input_words=4 --emit-rtl rtl --force --json
same "emit with a link: its width" '`define FDHT_LINK_WORDS 4 ' "$(grep -o '.define FDHT_LINK_WORDS [0-9]* ' rtl/fdht_params.svh)"
same "emit with a link: its words" "$(cat rtl/input.hex | sort | tr '\n' ' ')" \
    "$(awk '$2 == "i" {printf "%04x\n", ($7 + 65536) % 65536}' rtl/trace.txt | sort | tr '\n' ' ')"
fails "emit stands" 1 "fdht simulate: rtl/fdht_params.svh: exists (use --force to overwrite it)" sim "$@" --emit-rtl rtl
listing "emit stands" "$files"
rm -r rtl
works "emit with words outside" sim --preset ucf11-fdht --steps 1 --set x_kib=64 --set bank_function=skew --emit-rtl rtl --json
same "emit with words outside: all of them" "$(jq -r '"\(.spill_reads) \(.spill_writes)"' "$OUT")" \
    "$(awk '{n[$2]++} END {print n["R"], n["W"]}' rtl/trace.txt)"
same "emit with words outside: banks of 1024 lines" 1024 "$(sed -n 's/.*FDHT_MEMORY_LINES \([0-9]*\) .*/\1/p' rtl/fdht_params.svh)"
same "emit with words outside: the input's places" "$(jq '.stages[0].occupancy_in_words - 64 * 512' "$OUT")" "$(grep -c '^8' rtl/places.hex)"
rm -r rtl
while IFS='|' read -r args line; do
    # shellcheck disable=SC2086
    fails "$args" 1 "fdht simulate: --emit-rtl: the RTL $line" sim w.json $args --emit-rtl rtl
done << 'END'
--set bank_function=table|has no bank function table (stage leaf_2)
--set bank_function=skew --set x_banks=24|has a power of two of banks, x_banks is 24
--set bank_function=skew --set pipeline_cycles=2|needs pipeline_cycles of 3 or more, not 2
--set bank_function=skew --set lstm_latency_cycles=7|needs lstm_latency_cycles of 8 or more, not 7
--set bank_function=skew --set w_kib=1 --set w_refill_words=17|loads a line of macs_per_pe = 16 weights a cycle at most, not 17
END
fails "paper" 2 "fdht simulate: --trace, --mapping, --write-mapping and --emit-rtl need --mode real (see fdht help simulate)" \
    sim w.json --mode paper --emit-rtl rtl
fails "no folder for it" 1 "fdht simulate: no/rtl: No such file or directory" sim "$@" --emit-rtl no/rtl
fails "a run that fails" 4 "fdht simulate: stage x:leaf_2: 256 words do not fit x_kib = 1, and spill_words is 0" \
    sim "$@" --set x_kib=1 --set x_buffers=1 --set spill_words=0 --emit-rtl rtl
listing "nothing stays" "w.json"
tap_end
