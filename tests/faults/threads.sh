#!/bin/bash
# Commands with several threads in a build with ThreadSanitizer (`make tsan`): no race is reported, also where a signal comes.
set -m
. "$(dirname "$0")/lib.sh"
inputs
export TSAN_OPTIONS="exitcode=66 suppressions=$TOP/tests/tools/tsan.supp print_suppressions=0"
cp "$TOP/tests/data/clips/small.y4m" "$TOP/tests/data/clips/small.mp4" .

clean() { # TITLE STATUS COMMAND..
    local title=$1 want=$2
    shift 2
    run "$@"
    [ "$status" = "$want" ] && ! grep -q ThreadSanitizer "$ERR" && pass "$title" || fail "$title" "$(said)"
}
stopped() { # TITLE SIGNAL COMMAND..
    local title=$1 signal=$2 bad= k
    shift 2
    for k in 1 2 3; do
        "$@" > "$OUT" 2> "$ERR" < /dev/null &
        sleep 0.$((3 * k))
        kill -"$signal" $! 2> /dev/null
        wait $!
        status=$?
        [[ $status = 0 || $status = $((128 + $(kill -l "$signal"))) ]] && ! grep -q ThreadSanitizer "$ERR" || bad=$(said)
        rm -f s.*
    done
    [ -z "$bad" ] && pass "$title" || fail "$title" "$bad"
}
has "the build has ThreadSanitizer" "$("$FDHT" --version)" sanitize=thread
clean "infer: several sources" 0 "$FDHT" infer "$IN/m.h5" "$IN/bars.h5" "$IN/bars.h5" small.y4m --resize --threads 3 --batch 2
clean "infer: no child" 0 "$FDHT" infer "$IN/m.h5" "$IN/bars.h5" small.y4m --resize --threads 2 --trust
[[ $("$FDHT" infer "$IN/m.h5" small.mp4 --resize 2>&1) == *"without libavformat"* ]] ||
    clean "infer: videos" 0 "$FDHT" infer "$IN/m.h5" small.mp4 small.mp4 "$IN/bars.h5" --resize --threads 2
stopped "infer: SIGINT" INT "$FDHT" infer "$IN/m.h5" "$IN/bars.h5" "$IN/bars.h5" "$IN/bars.h5" "$IN/bars.h5" --threads 2 --batch 1 -o s.jsonl
clean "train" 0 "$FDHT" train "$IN/bars.h5" -q -o t.h5 "${shape[@]}" --epochs 2 --threads 3 --checkpoint t.ck --log t.log
stopped "train: SIGTERM" TERM "$FDHT" train "$IN/bars.h5" -q -o s.h5 "${shape[@]}" --epochs 50 --threads 2 --checkpoint s.ck
clean "pack" 0 "$FDHT" pack -q -o p.h5 "$IN/clips"
stopped "pack: SIGINT" INT "$FDHT" pack -q -o s.h5 "$IN/clips" "$IN/clips" "$IN/clips"
clean "compress" 0 "$FDHT" compress "$IN/weights.h5" -q -o c.h5 --rank 2 --threads 2
clean "bench" 0 "$FDHT" bench "$IN/m.h5" --what infer,train --threads 2 --batch 2 -r 1 --frames 2 --no-dense
tap_end
