#!/bin/bash
# fdht train, on tests/data/bars.h5: 90 clips of 5 frames 8x8x3 (60 train, 15 val, 15 test) of a bright bar on plain ground
# that stays, goes down or goes up, so that only the order of the frames tells the class.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5
cell=(--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4)
train() { "$FDHT" train "$data" "${cell[@]}" --diff --lr 1e-2 --seed 3 "$@"; }

fails "no data" 2 "fdht train: DATA.h5 is missing (see fdht help train)" "$FDHT" train -o m.h5
mkdir folder
fails "an empty folder" 3 "fdht train: folder: no pictures (PNG, JPEG, PGM, PPM) and no videos in the folder" "$FDHT" train folder -o m.h5
rmdir folder

fails "--labels of a data set" 2 "fdht train: --labels is for folders and videos; $data is none (see fdht help train)" "$FDHT" train "$data" -o m.h5 --labels x
fails "no output" 2 "fdht train: -o FILE is missing (see fdht help train)" "$FDHT" train "$data"
run "$FDHT" train nope.h5 -o m.h5
same "missing data: status" 1 "$status"
fails "data from a pipe" 2 "fdht train: -: HDF5 cannot be read from a pipe (it needs seek) (see fdht help train)" "$FDHT" train - -o m.h5
cp "$data" d.h5
fails "output is the input" 2 "fdht train: output 'd.h5' is the input 'd.h5' (see fdht help train)" "$FDHT" train d.h5 -o d.h5 -f
echo text > text.h5
run "$FDHT" train text.h5 -o m.h5
same "damaged data: status" 3 "$status"
fails "modes that do not multiply up" 2 \
    "fdht train: input modes multiply up to 160, the clips have 192 inputs (--in-modes) (see fdht help train)" \
    "$FDHT" train "$data" -o m.h5 --in-modes 8,4,5 --out-modes 4,4,2 --hidden 8
fails "output modes that do not" 2 \
    "fdht train: output modes multiply up to 16, 4 gates of 8 hidden units need 32 (--out-modes) (see fdht help train)" \
    "$FDHT" train "$data" -o m.h5 --in-modes 8,8,3 --out-modes 4,4,1 --hidden 8
for o in "--lr 0" "--epochs -1" "--dropout 1" "--cell gru" "--rank 0" "--batch 1x" "--val-split 2" "--preset nope" "--in-modes 8,,3" \
    "--init $data --hidden 4" "--resume" "--diff --no-diff" "--rank 2 --ranks 2,2,2,2" "--tree ((1,2),4) --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8"; do
    run "$FDHT" train "$data" -o m.h5 $o
    same "$o: status" 2 "$status"
    same "$o: stdout" "" "$out"
    same "$o: one line" 1 "$(wc -l < "$ERR")"
done
listing "nothing is left behind" "d.h5 text.h5"

run train -o m.h5 --epochs 3
same "a line an epoch, off a terminal: status" 0 "$status"
same "a line an epoch" 3 "$(grep -c '^epoch [123]/3  loss ' "$ERR")"
has "the table of classes" "$out" "class precision    recall        f1  predicted as"
run train -o m.h5 --epochs 1
same "an output that exists: status" 1 "$status"
has "an output that exists" "$err" "--force"

works "learns" train -q -f -o m.h5 --epochs 40 --log l.jsonl --json
json "schema and counts" '[.schema, .epochs, .parameters, .parameters_cores]' '["fdht.train/1",40,408,376]'
json "validation" '.val_accuracy >= .8 and .scores.accuracy == .val_accuracy and .scores.clips_of == "validation"' true
json "scores" '[(.scores.confusion | add | add), (.scores.classes | map(.label))]' '[15,["still","down","up"]]'
same "the log: epochs" "$(seq 40)" "$(jq .epoch l.jsonl)"
same "the log: keys" '["epoch","loss","accuracy","val_loss","val_accuracy","lr","seconds","clips_per_second"]' \
    "$(head -n 1 l.jsonl | jq -c keys_unsorted)"
works "the shuffled control needs the order" bash -c '"$1" infer m.h5 "$2" --control shuffle 2>&1 > /dev/null | tr " " "\n" | sed -n 2p > control' - "$FDHT" "$data"
same "control: worse than .8" 1 "$(awk '$1 < .8' control | wc -l)"

# averages, teachers and rates that are chosen
logits() { "$FDHT" infer "$1" "$data" --logits --format tsv; }
works "a teacher" train -q -f -o teacher.h5 --cell tt --epochs 40
works "a teacher of other frames" "$FDHT" train "$data" --cell dense --hidden 6 --gray --resize 6x6 --lr 1e-2 --epochs 40 -q -f -o gray.h5
run train -f -o taught.h5 --epochs 5 --teacher teacher.h5,gray.h5 -v
has "what the teacher knows" "$err" "of the training clips right"
works "not taught" train -q -f -o plain.h5 --epochs 5
works "a teacher without a say" train -q -f -o deaf.h5 --epochs 5 --teacher teacher.h5 --distill 0
[ "$(logits taught.h5)" != "$(logits plain.h5)" ] && pass "a teacher is heard" || fail "a teacher is heard"
same "without a say it is not" "$(logits plain.h5)" "$(logits deaf.h5)"
works "kept back clips" train -q -f -o taught.h5 --epochs 2 --teacher teacher.h5 --val-split .3
fails "--distill alone" 2 "fdht train: --distill needs --teacher FILE (see fdht help train)" train -f -o t.h5 --distill .5
fails "a teacher that is not there" 1 "fdht train: nope.h5: No such file or directory" train -f -o t.h5 --teacher teacher.h5,nope.h5
run train -f -o t.h5 --teacher "$data"
same "a teacher that is no model: status" 3 "$status"
"$FDHT" infer taught.h5 "$data" | jq -r .clip | awk 'BEGIN {print "clip,label"} {print $1 "," (NR % 4)}' > four
"$FDHT" pack -q "$data" --labels four -o four.h5 > /dev/null
fails "a teacher of other classes" 2 "fdht train: --teacher teacher.h5 has 3 classes, the clips have 4 (see fdht help train)" \
    "$FDHT" train four.h5 "${cell[@]}" -f -o t.h5 --teacher teacher.h5
works "an average" train -q -f -o average.h5 --epochs 40 --ema .9 --json
json "the average is measured" '.scores.accuracy == .val_accuracy and .scores.loss == .val_loss' true
run train -f -o scan.h5 --epochs 30 --lr-scan --json --checkpoint scan.c.h5
json "the scan" '[(.lr_scan | length), (.lr == (.lr_scan | min_by(.val_loss) | .lr)), .lr_scan[3].lr]' '[6,true,0.01]'
has "the scan says why" "$err" "the smallest validation loss after 2 epochs"
rate=$(printf '%s' "$out" | jq .lr)
works "by hand" train -q -f -o hand.h5 --epochs 30 --lr "$rate"
run train -f -o again.h5 --epochs 30 --lr-scan --json --checkpoint scan.c.h5 --resume
same "a scan resumed is not done again" "$rate null" "$(printf '%s' "$out" | jq -r '"\(.lr) \(.lr_scan)"')"
same "a scan resumed: the same model" "$(logits scan.h5)" "$(logits again.h5)"
same "the rate that was chosen" "$(logits scan.h5)" "$(logits hand.h5)"
fails "a scan with rates of cores" 2 "fdht train: --lr-scan and --core-lr exclude each other: cores have their own rates then (see fdht help train)" \
    train -f -o t.h5 --lr-scan --core-lr .02

# the same bits, whatever the threads, and across an interruption
extra=(--shift 1 --recurrent-dropout .2 --frames 4 --sample random --core-lr .02 --ema .95 --teacher teacher.h5 --epochs 6 -q)
works "one thread" train -o one.h5 -@1 "${extra[@]}"
works "three threads" train -o three.h5 -@3 "${extra[@]}"
same "the same model" "$(logits one.h5)" "$(logits three.h5)"
works "another seed" train -o other.h5 "${extra[@]}" --seed 4
[ "$(logits one.h5)" != "$(logits other.h5)" ] && pass "is another model" || fail "is another model"
# killed at some moment: what is there is a whole checkpoint, and the end is the same
train -o part.h5 "${extra[@]}" --epochs 400 --checkpoint c.h5 > /dev/null 2>&1 &
pid=$!
for i in $(seq 200); do [ -f c.h5 ] && break || sleep .02; done
kill -9 $pid 2> /dev/null
wait $pid 2> /dev/null
there "a checkpoint" c.h5
works "goes on" train -f -o part.h5 "${extra[@]}" --epochs 400 --checkpoint c.h5 --resume --log part.jsonl
works "without interruption" train -o whole.h5 "${extra[@]}" --epochs 400
same "the same model after resuming" "$(logits whole.h5)" "$(logits part.h5)"
same "the log has all epochs" 400 "$(wc -l < part.jsonl)"
# stopped by patience (a rate too small to change any answer): resumed, nothing is left to do
early=(--lr 1e-12 --epochs 20 --patience 2 --checkpoint early.h5)
works "patience ends" train -q -o early-one.h5 "${early[@]}" --log early.jsonl
same "patience: its epochs" "$(jq -s 'max_by([.val_accuracy, -.val_loss, -.epoch]).epoch + 2' early.jsonl)" "$(wc -l < early.jsonl)"
works "resumed after its end" train -q -o early-two.h5 "${early[@]}" --resume --log again.jsonl
same "no epoch more" "$(cat early.jsonl)" "$(cat again.jsonl)"
same "the same model" "$(logits early-one.h5)" "$(logits early-two.h5)"
works "more patience goes on" train -q -f -o early-two.h5 "${early[@]}" --patience 20 --resume --log again.jsonl
same "to the last epoch" 20 "$(wc -l < again.jsonl)"
fails "other settings" 2 "fdht train: --resume: c.h5 was made with epochs=400, not epochs=300 (see fdht help train)" \
    train -f -o part.h5 "${extra[@]}" --epochs 300 --checkpoint c.h5 --resume
# options of the model and the data, too: each refused by name
"$FDHT" train "$data" "${cell[@]}" "${extra[@]}" -q -o q.h5 --epochs 3 --checkpoint q_ck.h5 > /dev/null
for o in "--init-scale 2=init-scale=1, not init-scale=2" "--pool mean=pool=(none), not pool=mean" "--cell ht=cell=(none), not cell=ht" \
    "--gray=gray=0, not gray=1" "--ema .5=ema=0.94999999999999996, not ema=0.5" "--distill .5=distill=0.69999999999999996, not distill=0.5"; do
    run "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" -q -f -o q.h5 --epochs 3 --checkpoint q_ck.h5 --resume ${o%%=*}
    case $err in
    *"q_ck.h5 was made with ${o#*=}"* | *"takes 192 inputs, the clips have 64"*) same "resume with another ${o%%=*}: status" 2 "$status" ;;
    *) fail "resume with another ${o%%=*}" "$(said)" ;;
    esac
done
"$FDHT" infer q.h5 "$data" | jq -r .clip | awk 'BEGIN {print "clip,label"; split("still down up", name)} {print $1 "," name[NR % 3 + 1]}' > table
"$FDHT" pack -q "$data" --labels table -o relabelled.h5 > /dev/null
fails "resume with other labels" 2 "fdht train: --resume: q_ck.h5 was made from other training clips: shapes, labels or the first clip differ (see fdht help train)" \
    "$FDHT" train relabelled.h5 "${cell[@]}" "${extra[@]}" -q -f -o q.h5 --epochs 3 --checkpoint q_ck.h5 --resume
works "resume with the same" "$FDHT" train "$data" "${cell[@]}" "${extra[@]}" -q -f -o q.h5 --epochs 3 --checkpoint q_ck.h5 --resume

fails "a model is no checkpoint" 3 "fdht train: one.h5: a model without training state, no checkpoint" \
    train -f -o part.h5 "${extra[@]}" --checkpoint one.h5 --resume

# data of another size or kind: refused by number before anything is read
for k in 1 2; do "$FDHT" pack -q $([ $k = 1 ] && echo --gray || echo --resize 4x16) "$data" -o other$k.h5 > /dev/null; done
fails "--resume with other frames" 2 "fdht train: --resume c.h5 takes 192 inputs, the clips have 4800 (--resize, --gray) (see fdht help train)" \
    train -f -o part.h5 "${extra[@]}" --epochs 400 --checkpoint c.h5 --resume --resize 40x40
fails "--resume with grey frames" 2 "fdht train: --resume c.h5 takes 192 inputs, the clips have 64 (--resize, --gray) (see fdht help train)" \
    "$FDHT" train other1.h5 "${cell[@]}" -f -o part.h5 "${extra[@]}" --epochs 400 --checkpoint c.h5 --resume
for o in resume init; do
    fails "--$o with frames of another shape" 2 "fdht train: --$o c.h5 takes frames of 8x8x3, the clips have frames of 4x16x3 (--resize, --gray) (see fdht help train)" \
        "$FDHT" train other2.h5 $([ $o = init ] && echo --init c.h5) -f -o part.h5 --diff --checkpoint $([ $o = init ] && echo new.h5 || echo c.h5 --resume)
done
fails "validation of another size" 3 "fdht train: other2.h5: its clips are 4x16x3, the training clips 8x8x3 (--resize, --gray)" \
    train -f -o part.h5 --val other2.h5

for pair in "-o new1.h5 --checkpoint ./new1.h5" "-o new2.h5 --checkpoint c2.h5 --log $PWD/c2.h5" "-o new3.h5 --log p.png --plot ./p.png"; do
    run train $pair --epochs 1
    same "two outputs of one name, $pair: status" 2 "$status"
    has "two outputs of one name, $pair" "$err" "is the output"
done
run train -f -o part.h5 --epochs 1 --log /dev/full
same "a log on a full disk: status" 1 "$status"
has "a log on a full disk: message" "$err" "fdht train: /dev/full: the log is not whole"

# interrupted: 130, the best values so far at the output; SIGTERM is 143
for signal in INT:130 TERM:143 HUP:129; do
    set -m # a job in the background does not ignore SIGINT
    "$FDHT" train "$data" "${cell[@]}" --epochs 1000000 -f -o "${signal%:*}.h5" --log signal.jsonl 2> "$ERR" > /dev/null &
    until [ -s signal.jsonl ] || ! kill -0 $! 2> /dev/null; do sleep .1; done
    kill -"${signal%:*}" $!
    wait $!
    same "SIG${signal%:*}: status" "${signal#*:}" $?
    set +m
    rm -f signal.jsonl
    has "SIG${signal%:*}: says what is kept" "$(cat "$ERR")" "${signal%:*}.h5 holds the values of epoch"
    works "SIG${signal%:*}: the best values so far" "$FDHT" infer "${signal%:*}.h5" "$data"
    same "SIG${signal%:*}: nothing else left" "" "$(find . -name '.*.tmp-*')"
done

run train -o bad.h5 --lr 1000 --clip 0 --epochs 30 --optimizer sgd --momentum .99
same "a loss that runs away: status" 1 "$status"
has "a loss that runs away: message" "$err" "try a smaller learning rate"

# every cell
for k in ht tt tr bt; do works "--cell $k" train -q -f -o k.h5 --cell $k --epochs 2; done
works "--cell dense" "$FDHT" train "$data" -q -f -o k.h5 --cell dense --hidden 8 --epochs 2
for k in fdht ht tt tr bt; do works "--cell $k, modes chosen" "$FDHT" train "$data" -q -f -o k.h5 --cell $k --hidden 16 --epochs 1; done
for k in fdht ht tt tr bt; do
    works "--recurrent gru, --cell $k" train -q -f -o k.h5 --cell $k --recurrent gru --out-modes 3,4,2 --epochs 2
done
works "--recurrent gru, modes chosen" "$FDHT" train "$data" -q -f -o k.h5 --recurrent gru --hidden 16 --epochs 1
works "--recurrent gru, --cell dense" "$FDHT" train "$data" -q -f -o g.h5 --recurrent gru --cell dense --hidden 8 --diff --lr 1e-2 --epochs 20
works "a GRU: infer" "$FDHT" infer g.h5 "$data"
same "a GRU: a line a clip" 90 "$(wc -l <<< "$out")"
works "a GRU: info" "$FDHT" info g.h5 --json
same "a GRU: info" "gru rzn" "$(jq -r '.recurrent + " " + .gates' <<< "$out")"
fails "a GRU: no 16-bit arithmetic" 1 "fdht infer: dense: a gru cell; the accelerator has an LSTM unit alone" "$FDHT" infer g.h5 "$data" --fixed16
fails "a GRU: output modes of an LSTM" 2 \
    "fdht train: output modes multiply up to 32, 3 gates of 8 hidden units need 24 (--out-modes) (see fdht help train)" \
    "$FDHT" train "$data" -o m2.h5 --recurrent gru --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8
works "--enlarge" train -q -f -o k.h5 --enlarge 2,2,0 --hidden-box 2,2,2 --epochs 1
works "--val-split" train -q -f -o k.h5 --val-split .2 --epochs 1
works "--balance, --smoothing, --pool mean" train -q -f -o k.h5 --balance --smoothing .1 --pool mean --epochs 1
works "--init, --epochs 0" "$FDHT" train "$data" -q -o i.h5 --init m.h5 --epochs 0
same "--init keeps the model" "$(logits m.h5)" "$(logits i.h5)"
works "--resize, --gray" "$FDHT" train "$data" -q -f -o k.h5 --cell dense --hidden 4 --resize 4x4 --gray --epochs 1
works "--init of such a model takes its size" "$FDHT" train other1.h5 -q -f -o k2.h5 --gray --init k.h5 --epochs 0
works "infer resizes as training did" bash -c '"$1" infer k.h5 "$2" > /dev/null' - "$FDHT" "$data"

# ---- folders and videos: the model that their data set gives ----
# set/CLASS/GROUP/CLIP.y4m: 8x8 in grey, a bright row that stays, goes down, goes up
film() {
    printf 'YUV4MPEG2 W8 H8 F10:1 Cmono XCOLORRANGE=FULL\n'
    local t k row
    for t in 0 1 2 3 4; do
        printf 'FRAME\n'
        case $1 in stay) row=$2 ;; down) row=$((($2 + t) % 8)) ;; up) row=$((($2 + 8 - t) % 8)) ;; esac
        for k in 0 1 2 3 4 5 6 7; do [ $k = $row ] && printf 'zzzzzzzz' || printf '%08d' "$3"; done
    done
}
for class in down stay up; do
    for group in 1 2 3 4; do
        mkdir -p set/$class/g$group
        for clip in 1 2; do film $class $((2 * group + clip - 2)) $group$clip > set/$class/g$group/$clip.y4m; done
    done
done
small=(--cell dense --hidden 6 --epochs 3 --seed 5 -q)
of() { h5dump -x "$1" | sed -n '/<Attribute/,/<\/Attribute/!p' | cksum; }
works "a folder" "$FDHT" train set -o f.h5 "${small[@]}" --val-split .25
works "its data set" bash -c '"$1" pack set -o set.h5 --split train=.75,val=.25 --seed 5 > /dev/null' - "$FDHT"
works "trained on that" "$FDHT" train set.h5 -o s.h5 "${small[@]}"
same "a folder: the logits of its data set's model" "$("$FDHT" infer s.h5 set --logits)" "$("$FDHT" infer f.h5 set --logits)"
works "grey, smaller, three frames" "$FDHT" train set -f -o f.h5 "${small[@]}" --resize 4x4 --gray --frames 3 --labels <(
    echo clip,label
    for c in set/*/*/*.y4m; do echo "$c,$([[ $c = */g1/* ]] && echo one || echo more)"; done
)
same "--labels" '["more","one"]' "$("$FDHT" info f.h5 --json | jq -c .classes)"
works "a checkpoint" "$FDHT" train set -f -o f.h5 "${small[@]}" --checkpoint fc.h5
works "goes on with the same folder" "$FDHT" train set -f -o f.h5 "${small[@]}" --checkpoint fc.h5 --resume
mkdir parts && cp -r set parts/train && mkdir -p parts/val/up/g parts/test/up/g && cp set/up/g1/1.y4m parts/val/up/g && cp set/up/g1/2.y4m parts/test/up/g
"$FDHT" train parts -f -o f.h5 "${small[@]}" --val-split .25 > "$OUT"
has "what the folders mark is left alone: 24 to divide, 1 marked" "$(cat "$OUT")" "on 7 validation clips"
works "--val of a folder" "$FDHT" train set -f -o f.h5 "${small[@]}" --val parts/val
has "--val of a folder" "$out" "on 1 validation clips"
film up 1 5 | head -c 200 > set/up/g1/cut.y4m
run "$FDHT" train set -f -o f.h5 "${small[@]}"
same "a damaged video: status" 1 "$status"
has "a damaged video is named" "$err" "set/up/g1/cut.y4m: frame 2: truncated"
TMPDIR=/nowhere run "$FDHT" train set -f -o f.h5 "${small[@]}"
same "no TMPDIR: status" 1 "$status"
same "nothing is left behind" "" "$(find . -name '*fdht-clips*')"
mkdir empty
fails "a folder without -o" 2 "fdht train: -o FILE is missing (see fdht help train)" "$FDHT" train empty
tap_end
