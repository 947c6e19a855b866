#!/bin/bash
# A first SIGTERM ends every command, at any moment, and nothing half-written stays; so do the other signals that end a batch job.
# TRIES moments a command (3); the longest time from signal to end is printed. Nothing is asserted of it but that the
# command does not hang (10 s): a loaded machine is slow.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
TRIES=${TRIES:-3}
B=$TOP/tests/data/bars.h5
RANDOM=${SEED:-$$}
echo "# SEED=$RANDOM"
quiet() { "$@" > /dev/null 2>&1; }

# large enough that every command is at work for a while
quiet "$FDHT" train "$B" --cell dense --hidden 128 --resize 80x120 --epochs 1 -o model.h5 -q
quiet "$FDHT" export model.h5 --layout pytorch -o weights.h5
quiet "$FDHT" pack "$B" -o set.h5 --resize 240x320
mkfifo nobody.y4m
before=$(ls -A)

# ended NAME LONGEST_MS STATUS CMD.. - TRIES times: start, wait up to LONGEST_MS, SIGNAL; STATUS or 0 where it was done before
ended() {
    local name=$1 longest=$2 want=$3 worst=0 hit=0 bad= try pid from took wait limit first
    shift 3
    for ((try = 0; try < TRIES; try++)); do
        wait=$((RANDOM % longest + 1))
        trap - EXIT # a signal between fork and exec is the shell's, which would clean up
        "$@" > "$OUT" 2> "$ERR" < /dev/null &
        pid=$!
        sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
        sleep 10 &
        limit=$!
        from=${EPOCHREALTIME/./}
        kill -"$SIGNAL" $pid 2> /dev/null
        wait -n -p first $pid $limit 2> /dev/null
        status=$?
        [ "$first" = $pid ] || {
            status=hangs
            kill -KILL $pid
            limit=$pid
        }
        took=$(((${EPOCHREALTIME/./} - from) / 1000))
        kill $limit 2> /dev/null
        wait $limit 2> /dev/null
        trap 'rm -rf "$scratch"' EXIT
        [ "$(grep -c interrupted "$ERR")" -le 1 ] || bad+="after $wait ms: $(head -c 300 "$ERR")"$'\n'
        [ $status = "$want" ] && hit=$((hit + 1))
        [ $status = "$want" ] || [ $status = 0 ] || bad+="after $wait ms: status $status, $(head -c 300 "$ERR")"$'\n'
        [ $took -gt $worst ] && worst=$took
        left=$(comm -13 <(sort <<< "$before") <(ls -A | sort) | grep -vxE "out\.h5(\.partial(\.log)?)?")
        [ -z "$left" ] || bad+="after $wait ms: left $left"$'\n'
        rm -f out.h5* .out.h5* *.png .*.png*
    done
    echo "# $name: SIG$SIGNAL took up to $worst ms, $hit of $TRIES at work"
    [ -z "$bad" ] && pass "SIG$SIGNAL ends $name" || fail "SIG$SIGNAL ends $name" "$bad"
}

SIGNAL=TERM
ended "info" 60 143 "$FDHT" info weights.h5
ended "train" 1500 143 "$FDHT" train "$B" --cell dense --hidden 128 --resize 80x120 --epochs 50 -o out.h5 -q
ended "train to a file of a folder" 600 143 "$FDHT" train set.h5 --cell dense --hidden 64 --epochs 50 -o out.h5 -q --memory 1M
ended "infer" 600 143 "$FDHT" infer model.h5 "$B" --resize 80x120 -o out.h5
ended "infer of a pipe that nobody writes" 300 143 "$FDHT" infer model.h5 nobody.y4m
ended "pack" 500 143 "$FDHT" pack "$B" -o out.h5 --resize 480x640 --gzip 6
ended "export" 900 143 "$FDHT" export model.h5 --layout keras -o out.h5
ended "compress" 2500 143 "$FDHT" compress weights.h5 --format fdht --rank 32 -o out.h5
ended "compress, the curve" 2500 143 "$FDHT" compress weights.h5 --format all --dry-run
ended "bench" 2000 143 "$FDHT" bench
ended "simulate" 2000 143 "$FDHT" simulate --preset ucf11-fdht --search
# what else ends a batch job; bash has its background jobs ignore INT and QUIT
TRIES=$(((TRIES + 1) / 2))
for row in INT:130 HUP:129 XCPU:152 QUIT:131 PIPE:141 USR1:138 USR2:140 ALRM:142 SEGV:139 BUS:135 FPE:136 ILL:132 ABRT:134; do
    SIGNAL=${row%:*}
    ended "export" 600 "${row#*:}" env --default-signal "$FDHT" export model.h5 --layout keras -o out.h5
done
# a limit on the size of files is an error like any other
(ulimit -f 100; trap '' XFSZ; exec "$FDHT" export model.h5 --layout keras -o out.h5) > "$OUT" 2> "$ERR"
same "RLIMIT_FSIZE" "1 fdht export: out.h5: " "$? $(head -c 21 "$ERR")"
same "nothing is left" "$before" "$(ls -A)"
tap_end
