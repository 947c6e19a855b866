# lib.sh - sourced by the scripts of this folder: what tests/cli/lib.sh gives, the inputs ($IN, made here by the command), the commands
# that meet the faults, and the judges of what they left.
#
# FAULT_SAMPLES: how many of the possible moments are tried (20, the whole: `make faults`; fewer in `make faults-smoke`).
# FAULT_COMMANDS: only these commands.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
BUILD=${BUILD:-$TOP/build}
SERVER=$BUILD/faults/server.so
SAMPLES=${FAULT_SAMPLES:-20}
IN=$scratch/in
export OPENBLAS_NUM_THREADS=1

# ---- inputs ----

grey() { # grey VALUE > FILE.pgm, of 8 x 8 points
    printf 'P5\n8 8\n255\n'
    head -c 64 /dev/zero | tr '\0' "\\$(printf %03o "$1")"
}
inputs() {
    mkdir -p "$IN" && cp "$TOP"/tests/data/bars.h5 "$TOP"/tests/data/workload.json "$TOP/tests/data/machine.json" "$IN" &&
        cp "$TOP/tests/data/lstm/torch_1layer.h5" "$IN/weights.h5" && cp "$TOP"/tests/data/cases/torch_{state.pt,state.npz,each.onnx} "$IN" &&
        mkdir -p "$IN/png" && cp "$TOP/tests/data/clips/cases/ucf11/shooting/v_shooting_01/v_shooting_01_02/1.png" "$IN/png" || exit 1
    for c in one two; do
        for k in 1 2 3; do
            mkdir -p "$IN/clips/$c/$k"
            for t in 1 2 3; do grey $((20 * k + t)) > "$IN/clips/$c/$k/$t.pgm"; done
        done
    done
    (cd "$IN" && "$FDHT" train bars.h5 -q -o m.h5 --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 1 > /dev/null) || exit 1
}

# ---- commands: `command_NAME` sets argv; each writes o.* in the folder where it runs ----

shape=(--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2)
COMMANDS=(train infer pack compress export onnx info bench simulate completion)
# of NAME.. - those of them that FAULT_COMMANDS, where it is set, has, too
of() { for c in "$@"; do [[ -n ${FAULT_COMMANDS-} && " $FAULT_COMMANDS " != *" $c "* ]] || echo "$c"; done; }
command_of() {
    case $1 in
    train) argv=(train "$IN/bars.h5" -q -o o.h5 "${shape[@]}" --epochs 2 --checkpoint o.ck --log o.log --threads 2) ;;
    infer) argv=(infer "$IN/m.h5" "$IN/bars.h5" -o o.jsonl --threads 2) ;;
    pack) argv=(pack -o o.h5 "$IN/clips" --split train=.5,test=.5 --json) ;;
    compress) argv=(compress "$IN/weights.h5" -o o.h5 --rank 2 --json) ;;
    export) argv=(export "$IN/m.h5" -o o.h5 --layout keras) ;;
    onnx) argv=(export "$IN/m.h5" -o o.onnx --layout onnx) ;;
    info) argv=(info --json "$IN/m.h5") ;;
    bench) argv=(bench "$IN/m.h5" --what infer -r 1 --batch 1 --frames 1 --no-dense) ;;
    simulate) argv=(simulate "$IN/workload.json" --arch fdht --json --csv o.csv --write-mapping o.map) ;;
    completion) argv=(completion bash) ;;
    # readers of other formats
    torch) argv=(compress "$IN/torch_state.pt" -o o.h5 --rank 2 --json) ;;
    numpy) argv=(compress "$IN/torch_state.npz" -o o.h5 --rank 2 --json) ;;
    graph) argv=(compress "$IN/torch_each.onnx" -o o.h5 --rank 2 --json) ;;
    png) argv=(pack -o o.h5 "$IN/png" --json) ;;
    esac
}
# What a run prints and cannot print twice: times and rates.
plain() {
    sed -E 's/"(seconds|time|clips_per_second|elapsed|peak_memory)[a-z_]*":[ \t]*[0-9.e+-]+/"\1"/g; s/[0-9.]+ s\b/N s/g' "$1"
}
timed() { # its figures are times
    [ "$1" = bench ]
}

# ---- runs ----

# serve COMMAND [OPTION..] < CASES - lines as tests/faults/server.c has them; RESULTS holds what came of them.
RESULTS=$scratch/results
serve() {
    command_of "$1"
    cat > "$scratch/cases"
    rm -f "$RESULTS"
    FAULT_CASES=$scratch/cases FAULT_RESULTS=$RESULTS LD_PRELOAD=$SERVER "$FDHT" "${argv[@]}" "${@:2}" > /dev/null && [ -s "$RESULTS" ] ||
        { echo "the server of faults failed with status $?" && return 1; }
}

# can_trace PROGRAM - is calls.c of use here?
can_trace() {
    echo "$scratch/try read 0 once itself EIO" > "$scratch/cases"
    rm -rf "$scratch/try" "$RESULTS"
    FAULT_CASES=$scratch/cases FAULT_RESULTS=$RESULTS LD_PRELOAD=$SERVER "$1" > "$OUT" 2> "$ERR"
    [ -s "$RESULTS" ] && [[ $(cat "$RESULTS") != *" 112 "* ]]
}

# judge COMMAND REFERENCE FOLDER STATUS ALLOWED LINE LIBRARY - says in $why what is wrong with a run:
#   - status 0: the same files and the same output as REFERENCE, nothing else
#   - one of the statuses ALLOWED ("1|5"): each output is missing or the same as in REFERENCE, no temporary is left but what is kept for
#     --resume, and stderr is one line of pattern LINE, behind warnings
#   - anything else, a signal above all, is wrong. An allocation that fails inside libhdf5 1.10 may crash it (it frees what it never
#     filled): that is counted, and nothing may be left, either.
# One clip could not be read, or a file or folder of clips: it is named, and a record says so or it is left out (fdht-infer(1),
# fdht-pack(1)).
clip_failed() { # COMMAND FOLDER
    [[ $1 = infer || $1 = pack ]] && grep -Eq "^fdht $1: ([^ ]+: )?$IN/(bars.h5|clips/[a-z]+(/[0-9])?)[:#]" "$2/err" &&
        case $1:$(cat "$2/o.jsonl" 2> /dev/null | wc -l) in
        pack:* | infer:90) ;;
        infer:1) grep -q '^{"clip":"'"$IN"'/bars.h5","error":"' "$2/o.jsonl" ;; # of the whole file
        *) false ;;
        esac
}
crashes=0 misnamed=0
judge() {
    local name=$1 ref=$2 dir=$3 status=$4 allowed=$5 line=$6 library=${7:-} f base left=
    why=
    for f in "$dir"/* "$dir"/.[!.]*; do
        base=${f##*/}
        case $base in
        out | err | o.log | o.ck | '*' | '.[!.]*') ;; # a checkpoint holds the time that training took
        o.jsonl.partial | o.h5.partial | o.h5.partial.log) [ "$status" != 0 ] || cmp -s "$ref/$base" "$f" || left+=" $base" ;;
        *) cmp -s "$ref/$base" "$f" || { [ "$status" = 1 ] && clip_failed "$name" "$dir"; } || left+=" $base" ;;
        esac
    done
    [ -z "$left" ] || why="status $status, not as they should be:$left"
    if [ "$status" = 0 ]; then
        for f in "$ref"/*; do [ -e "$dir/${f##*/}" ] || why="status 0, no ${f##*/}"; done
        timed "$name" || cmp -s <(plain "$ref/out") <(plain "$dir/out") || why="status 0, other output"
    elif [[ "|$allowed|" = *"|$status|"* ]]; then
        clip_failed "$name" "$dir" || [ "$(grep -vc ': warning: ' "$dir/err")" = 1 ] && grep -v ': warning: ' "$dir/err" | grep -Eq -- "$line" ||
            why="status $status: $(head -n 3 "$dir/err" | cut -c1-200)"
    elif [[ $library = libhdf5* && $status = 1[34]? ]]; then
        crashes=$((crashes + 1))
    elif [[ $library = libhdf5* && $status = [13] ]]; then
        misnamed=$((misnamed + 1)) # libhdf5 fails and does not say of what
    else
        why="status $status $library: $(head -n 2 "$dir/err" | cut -c1-200)"
    fi
    [ -z "$why" ]
}

# sampled TOTAL [ALL_BELOW] - the numbers 1..TOTAL that are tried: all up to ALL_BELOW, else SAMPLES of them, spread evenly over equal
# parts, where in its part by a fixed sequence, the last always among them.
sampled() {
    awk -v n="$1" -v all="${2:-0}" -v k="$SAMPLES" 'BEGIN {
        if (n <= k || n <= all) { for (i = 1; i <= n; i++) print i; exit }
        srand(n)
        for (i = 0; i < k; i++) { a = int(i * n / k) + 1; b = int((i + 1) * n / k); print i == k - 1 ? n : a + int(rand() * (b - a + 1)) }
    }'
}

# expect KIND TIMES WHO WHAT ALLOWED LINE [ALL_BELOW] - one test of the next `meet`: the n-th allocation or call of KIND (server.c)
# fails; ALLOWED and LINE as judge has them; up to ALL_BELOW moments each is tried.
plan=()
expect() {
    plan+=("$1@$2@$3@$4@$5@$6@${7:-0}")
}

# meet NAME [OPTION..] - the command with every fault planned. Runs without a fault count the moments first, and are the reference.
meet() {
    local name=$1 at=$scratch/runs i kind times who what allowed line all status total library n
    local -a bad=() met=() tried=() totals=() crashed=() other=()
    shift
    rm -rf "$at" && mkdir "$at"
    for i in "${!plan[@]}"; do
        IFS=@ read -r kind times who what allowed line all <<< "${plan[i]}"
        echo "$at/$i-0 $kind 0 once $who $what"
    done | serve "$name" "$@" || { fail "$name: no first run"; plan=(); return; }
    cp "$RESULTS" "$scratch/first"
    while read -r dir status total _; do
        i=${dir##*/} i=${i%-0}
        totals[i]=$total met[i]=0 tried[i]=0 crashed[i]=0 other[i]=0 bad[i]=
        [ "$status" = 0 ] || bad[i]="without a fault: status $status $(head -n 3 "$dir/err")"
        [ "$total" -gt 0 ] || bad[i]="nothing to fail was counted"
    done < "$scratch/first"
    for i in "${!plan[@]}"; do
        IFS=@ read -r kind times who what allowed line all <<< "${plan[i]}"
        sampled "${totals[i]}" "$all" | while read -r n; do echo "$at/$i-$n $kind $n $times $who $what"; done
    done | serve "$name" "$@" || bad[0]+="$(head -n 3 "$at"/*/err)"
    while read -r dir status total library; do
        i=${dir##*/} n=${i#*-} i=${i%-*} crashes=0 misnamed=0
        IFS=@ read -r kind times who what allowed line all <<< "${plan[i]}"
        tried[i]=$((tried[i] + 1))
        [ "$total" -lt "$n" ] || met[i]=$((met[i] + 1))
        judge "$name" "$at/$i-0" "$dir" "$status" "$allowed" "$line" "$library" || bad[i]+="number $n of ${totals[i]}: $why"$'\n'
        crashed[i]=$((crashed[i] + crashes)) other[i]=$((other[i] + misnamed))
    done < "$RESULTS"
    for i in "${!plan[@]}"; do
        IFS=@ read -r kind times who what allowed line all <<< "${plan[i]}"
        [ "${met[i]}" -gt 0 ] || [ -n "${bad[i]}" ] || bad[i]="no run met its fault"
        local title="$name: $kind, $what, $times, $who (${met[i]} of ${totals[i]} tried"
        [ "${crashed[i]}" = 0 ] || title+=", libhdf5 crashed in ${crashed[i]}"
        [ "${other[i]}" = 0 ] || title+=", another name for out of memory in ${other[i]}"
        [ -z "${bad[i]}" ] && pass "$title)" || fail "$title)" "$(head -n "${FAULT_LINES:-12}" <<< "${bad[i]}")"
    done
    plan=()
}

# ---- single runs, without the server ----

# reference COMMAND - the command without a fault, in $scratch/ref/COMMAND; later ones compare with it.
reference() {
    local at=$scratch/ref/$1
    [ -d "$at" ] && return
    mkdir -p "$at" && command_of "$1"
    (cd "$at" && "$FDHT" "${argv[@]}" > out 2> err < /dev/null) || fail "$1: a run without a fault" "$(cat "$at/err")"
}

# once TITLE COMMAND ALLOWED LINE WRAPPER.. - one run in a new folder under a wrapper, `env`, or `limited -n 64`; judged as above.
once() {
    local title=$1 name=$2 allowed=$3 line=$4 at status
    shift 4
    reference "$name"
    at=$(mktemp -d "$scratch/once.XXXX") && chmod 755 "$at" && command_of "$name"
    (cd "$at" && "$@" "$FDHT" "${argv[@]}" > out 2> err < /dev/null)
    status=$?
    judge "$name" "$scratch/ref/$name" "$at" "$status" "$allowed" "$line" && pass "$title" || fail "$title" "$why"
    rm -rf "$at"
}
# limited -s 256 COMMAND.. - under a limit of the shell
limited() {
    ulimit "$1" "$2" || exit 125
    "${@:3}"
}
