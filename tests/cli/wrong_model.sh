#!/bin/bash
# fdht simulate: a wrong model ends with status 1, whatever in it is wrong: programs with one fault each, in what machine and reference
# share and in the machine alone. The report is there all the same.
. "$(dirname "$0")/lib.sh"
if ! command -v "$(set -- ${CC:-cc} && echo "$1")" > compiler 2>&1 || ! command -v make > compiler; then
    skip "wrong models" "no compiler here"
    tap_end
    exit
fi
cat > w.json << 'END'
{"schema":"fdht-workload-1","name":"small","format":"fdht","in_modes":[4,6,5],"out_modes":[8,4,2],"gates":4,"steps":3,
 "tree":"((1,2),3)","leaf_ranks":[3,2,3],"inner_ranks":[5],"hidden_box":[1,4,4]}
END
data=$TOP/tests/data/actions.h5
"$FDHT" train "$data" -o model.h5 --cell fdht --in-modes 12,16,12 --out-modes 8,4,4 --hidden 32 --rank 4 --diff --epochs 1 --seed 1 > log 2>&1 ||
    fail "training" "$(cat log)"

# mutant FILE TEXT OTHER: ./mutant, in which OTHER stands for TEXT in FILE of the library
mutant() {
    [ "$(grep -cF -- "$2" "$TOP/lib/$1")" = 1 ] || { fail "$1" "'$2' is not in it once" && return 1; }
    from=$2 to=$3 perl -pe 's/\Q$ENV{from}\E/$ENV{to}/' "$TOP/lib/$1" > "${1##*/}"
    said=$(make -s --no-print-directory -C "$TOP" mutant B="${BUILD:-build}" SRC="$PWD/${1##*/}" OUT="$PWD/mutant" 2>&1) ||
        fail "$1" "$said"
}
# ends NAME LINE ARGS..: status 1, a report, and as last line on standard error one that begins so
ends() {
    local name=$1 line=$2
    shift 2
    run ./mutant simulate "$@" --json
    [ "$status" = 1 ] && [[ $(tail -n 1 "$ERR") == "$line"* ]] && jq -e .cycles "$OUT" > cycles &&
        pass "$name" || fail "$name" "wanted status 1, '$line..'
$(said)"
}

mutant accel/stage_weights.c 'out->v[ot] += ' 'out->v[ot] -= '
works "a fault that this order does not meet, as it merges no cores" ./mutant simulate w.json --order natural --json
mutant accel/stage_weights.c 'scale * t->v[from]' 'scale * t->v[at % 7 ? from : 0]'
ends "wrong weights, shared: a workload" "fdht simulate: small on fdht: SNR " w.json
json "wrong weights, shared: bit for bit" '[.bit_exact, .snr_db < 20]' '[true,true]'
ends "wrong weights, shared: a model" "fdht simulate: fdht on fdht: SNR " model.h5 --input "$data"
ends "wrong weights, shared: beside another output" "fdht simulate: small on fdht: SNR " w.json --sensitivity
mutant accel/calibrate.c 'HEADROOM = 1.5' 'HEADROOM = .02'
ends "ranges without room: a workload" "fdht simulate: small on fdht: SNR " w.json
mutant sim/array.c 'fdht_sim_round((int64_t)w * r->x[l], b->s->acc_shift)' '((int64_t)w * r->x[l] >> b->s->acc_shift)'
ends "products cut, in the machine" "fdht simulate: small on fdht: the words in the banks differ from the reference" w.json
json "products cut, in the machine: bits" .bit_exact false
ends "products cut, in the machine: a model" "fdht simulate: fdht on fdht: the words in the banks differ from the reference" model.h5 --steps 2
tap_end
