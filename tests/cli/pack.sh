#!/bin/bash
# fdht pack: folders, labels, splits, video, IDX, and what it refuses.
. "$(dirname "$0")/lib.sh"

# grey W H VALUE > file.pgm
grey() {
    printf 'P5\n%d %d\n255\n' "$1" "$2"
    head -c $(($1 * $2)) /dev/zero | tr '\0' "\\$(printf %03o "$3")"
}
# clip DIR FRAMES VALUE
clip() {
    mkdir -p "$1"
    for i in $(seq 1 "$2"); do grey 6 4 $(($3 + i)) > "$1/f$i.pgm"; done
}
for s in 1 2 3 4 5 6 7 8 9 10; do
    clip clips/run/s${s}_a 3 "$s"
    clip clips/hop/s${s}_b 4 $((100 + s))
done

works "folders of classes" "$FDHT" pack -o a.h5 clips
same "what it says" "packed 20 clips of up to 4 frames 6x4x1, 2 classes into a.h5" "$out"
works "info --json" "$FDHT" info --json a.h5
json "kind" .kind '"dataset"'
json "clips" .clips 20
json "classes in order" .classes '["hop","run"]'
json "frames" '[.min_frames, .max_frames, .width, .height, .channels]' '[3,4,6,4,1]'
fails "no --force" 1 "fdht pack: a.h5: exists (use --force to overwrite it)" "$FDHT" pack -o a.h5 clips
works "--force" "$FDHT" pack -f -o a.h5 clips
works "pack again from the data set" "$FDHT" pack -o b.h5 a.h5
works "the same frames make the same file" cmp <("$FDHT" info --json a.h5 | grep -v '"file"') <("$FDHT" info --json b.h5 | grep -v '"file"')
rm -f b.h5

# options for frames
works "--frames, --resize" "$FDHT" pack -f -o a.h5 clips --frames 2 --resize 3x2 --json
json "report" '[.clips, .left_out, .frames, .width, .height, .channels]' '[20,0,2,3,2,1]'
json "schema" .schema '"fdht.pack/1"'
printf 'P6\n1 1\n255\n\377\0\0' > red.ppm
works "--gray" "$FDHT" pack -f -o a.h5 red.ppm --gray --json
json "grey" .channels 1
works "--dry-run" "$FDHT" pack --dry-run -o none.h5 clips
absent "nothing written" none.h5

# splits
works "--split" "$FDHT" pack -f -o a.h5 clips --split train=.8,val=.1,test=.1 --json
json "in these proportions" .split '{"train":16,"val":2,"test":2}'
works "--by name" "$FDHT" pack -f -o a.h5 clips --split train=.8,val=.1,test=.1 --by 'name:/(s[0-9]+)_' --json
json "subjects do not part" .split '{"train":16,"val":2,"test":2}'
{
    printf 'clip\tlabel\tsubject\n'
    for s in 1 2 3 4 5 6 7 8 9 10; do printf 'run/s%s_a\tfast\tp%s\nhop/s%s_b\tslow\tp%s\n' $s $s $s $s; done
} > labels.tsv
works "--labels" "$FDHT" pack -f -o a.h5 clips --labels labels.tsv --split train=.5,test=.5 --by subject --json
json "classes of the table" .classes '["fast","slow"]'
json "halves" .split '{"train":10,"val":0,"test":10}'
# splits that come with the clips must not part a subject
{
    printf 'clip,label,subject,split\n'
    for s in 1 2 3 4 5 6 7 8 9 10; do printf 'run/s%s_a,fast,p%s,%s\nhop/s%s_b,slow,p%s,%s\n' $s $s $((s % 2)) $s $s $((s % 2)); done
} | sed 's/,0$/,train/; s/,1$/,test/' > parted.csv
works "--by of splits that are there" "$FDHT" pack -f -o b.h5 clips --labels parted.csv --by subject
sed '/hop.s4_b/s/train/test/' parted.csv > torn.csv
fails "a subject on two sides" 3 "fdht pack: --by subject: clips of 'p4' are in train and in test" \
    "$FDHT" pack -f -o b.h5 clips --labels torn.csv --by subject
works "the same, divided anew" "$FDHT" pack -f -o b.h5 clips --labels torn.csv --by subject --split train=.5,test=.5
run bash -c '"$1" pack --check clips --labels torn.csv --by subject 2>&1' - "$FDHT"
same "--check finds it, too" "3 fdht pack: --by subject: clips of 'p4' are in train and in test" "$status $out"

# what pack writes is protected; the same arrays without a checksum are not
json_of() { "$FDHT" info --json "$1" | jq -c .checksums; }
same "info: checksums" true "$(json_of a.h5)"
if command -v h5repack > repack.txt; then
    h5repack -f NONE a.h5 bare.h5
    same "info: no checksums" false "$(json_of bare.h5)"
else
    skip "info: no checksums" "no h5repack here"
fi

# --check: counts known from how these folders are made
mkdir -p seen/up/a seen/up/b seen/down/c seen/down/d
picture() { { printf 'P5\n4 4\n255\n'; head -c 16 /dev/zero | tr '\0' "$1"; } > "$2"; }
for t in 1 2 3; do picture $t seen/up/a/$t.pgm; picture $t seen/up/b/$t.pgm; picture 9 seen/down/c/$t.pgm; done
picture 8 seen/up/a/4.pgm
echo no > seen/down/d/1.png
run "$FDHT" pack --check seen --by 'name:([a-d])$' --json
same "--check: a bad clip: status" 1 "$status"
json "--check: clips" '[.clips, .groups, .min_frames, .median_frames, .max_frames]' '[3,3,3,3,4]'
json "--check: classes" '[.classes[] | [.class, .clips, .groups, .min_frames, .max_frames]]' '[["down",1,1,3,3],["up",2,2,3,4]]'
json "--check: sizes" .sizes '[{"size":"4x4x1","clips":3}]'
json "--check: no duplicates" .duplicates '[]'
json "--check: what is left out" '[.left_out[].clip]' '["seen/down/d"]'
rm seen/up/a/4.pgm seen/down/d/1.png
picture 1 seen/down/d/1.pgm; picture 2 seen/down/d/2.pgm; picture 3 seen/down/d/3.pgm
{ printf 'P5\n2 2\n255\n'; printf 'abcd'; } > seen/down/c/1.pgm; rm seen/down/c/2.pgm seen/down/c/3.pgm
run "$FDHT" pack --check seen --json
json "--check: duplicates by content" .duplicates '[["seen/down/d","seen/up/a","seen/up/b"]]'
json "--check: two sizes" '[.sizes[].clips] | sort' '[1,3]'
has "--check: the same clip in two classes" "$err" "seen/up/a is the same clip as seen/down/d, in another class"
works "--check, text" "$FDHT" pack -q --check seen
has "--check, text: the sum" "$out" "4 clips, 2 classes, 0 groups, 2 duplicates, 0 left out"
has "--check, text: a duplicate" "$out" "duplicate seen/up/b of seen/down/d"
fails "--plot without --check" 2 "fdht pack: --plot is for --check (see fdht help pack)" "$FDHT" pack -o x.h5 seen --plot s.png
if command -v gnuplot > gnuplot.txt; then
    works "--plot" "$FDHT" pack -q --check seen --plot sheet.png
    run "$FDHT" info --json sheet.png
    json "a contact sheet of two rows" '[.width, .height]' '[816,282]'
else
    skip "--plot" "no gnuplot here"
fi

works "the same seed" "$FDHT" pack -f -o b.h5 clips --labels labels.tsv --split train=.5,test=.5 --by subject --seed 0
works "gives the same file" cmp a.h5 b.h5
works "another seed" "$FDHT" pack -f -o b.h5 clips --labels labels.tsv --split train=.5,test=.5 --by subject --seed 1
run cmp -s a.h5 b.h5
same "gives another" 1 "$status"
printf 'run/s1_a,"a ""b"", c",1\n' > labels.csv
run "$FDHT" pack -f -o b.h5 clips/run/s1_a --labels labels.csv --json
json "quoted CSV" .classes '["a \"b\", c"]'
printf 'run/s1_a,\nrun/s2_a,fast\n' > labels.csv
run "$FDHT" pack -f -o b.h5 clips/run/s1_a clips/run/s2_a --labels labels.csv
same "an empty label" "fdht pack: warning: 1 of 2 clips have no label" "$err"
rm -f a.h5 b.h5

# video
printf 'YUV4MPEG2 W2 H2 F25:1\nFRAME\nabcdefFRAME\nabcdefFRAME\nabcdef' > v.y4m
works "y4m" "$FDHT" pack -o v.h5 v.y4m --json
json "three frames" '[.clips, .frames, .channels]' '[1,3,3]'
works "--clip-frames" "$FDHT" pack -f -o v.h5 v.y4m --clip-frames 2 --json
json "two clips" '[.clips, .frames]' '[2,2]'
run bash -c 'cat v.y4m | "$1" pack -f -o v.h5 - --json' - "$FDHT"
same "a pipe" 0 "$status"
json "from a pipe" '[.clips, .frames]' '[1,3]'
works "raw" "$FDHT" pack -f -o v.h5 v.y4m red.ppm --resize 2x2 --json
head -c 24 /dev/zero > v.rgb
works "--raw" "$FDHT" pack -f -o v.h5 v.rgb --raw rgb24 --size 2x2 --json
json "two frames" '[.frames, .width]' '[2,2]'
printf '\0\0\10\3\0\0\0\2\0\0\0\4\0\0\0\3abcdefghijklmnopqrstuvwx' | gzip > train-images-idx3-ubyte.gz
printf '\0\0\10\1\0\0\0\2\5\7' | gzip > train-labels-idx1-ubyte.gz
works "IDX" "$FDHT" pack -f -o v.h5 train-images-idx3-ubyte.gz --steps 2 --json
json "as sequences" '[.clips, .frames, .width, .height, .classes, .split.train]' '[2,2,3,2,["5","7"],2]'
rm -f v.h5

# bad clips are named and left out
printf 'P5\n6 4\n255\nabc' > clips/run/s3_a/f2.pgm
run "$FDHT" pack -o a.h5 clips
same "a bad clip: status" 1 "$status"
same "a bad clip is named" "fdht pack: clips/run/s3_a: f2.pgm: truncated (read 3 of 24 bytes)" "$err"
has "the others are packed" "$out" "packed 19 clips"
rm -f a.h5
fails "--strict" 3 "fdht pack: clips/run/s3_a: f2.pgm: truncated (read 3 of 24 bytes)" \
    "$FDHT" pack --strict -o a.h5 clips
fails "alone it is the failure" 3 "fdht pack: clips/run/s3_a: f2.pgm: truncated (read 3 of 24 bytes)" \
    "$FDHT" pack -o a.h5 clips/run/s3_a
grey 5 5 1 > clips/run/s3_a/f2.pgm
run "$FDHT" pack -o a.h5 clips/run/s3_a clips/hop
has "frames of two sizes" "$err" "f2.pgm: 5x5x1, the frames before it are 6x4x1"
rm -rf clips/run/s3_a a.h5
run "$FDHT" pack -o a.h5 clips red.ppm
has "clips of two sizes" "$err" "red.ppm: frames of 1x1x3, the clips before are 6x4x1 (--resize and --gray make them equal)"
same "status" 1 "$status"
rm a.h5
printf 'YUV4MPEG2 W2 H2\nFRAME\nabcdefFRAME\nabc' > short.y4m
printf 'P5\n6 4\n255\nabc' > cut.pgm
fails "a picture is a clip" 3 "fdht pack: cut.pgm: truncated (read 3 of 24 bytes)" "$FDHT" pack -o a.h5 cut.pgm
fails "a short last frame" 3 "fdht pack: short.y4m: frame 1: truncated (read 3 of 6 bytes)" "$FDHT" pack -o a.h5 short.y4m
fails "no label" 3 "fdht pack: v.y4m: is not in labels.tsv" "$FDHT" pack -o a.h5 v.y4m --labels labels.tsv

# misuse
fails "nothing to pack" 2 "fdht pack: no folder or file to pack (see fdht help pack)" "$FDHT" pack -o a.h5
fails "no output" 2 "fdht pack: -o FILE is missing (see fdht help pack)" "$FDHT" pack clips
fails "a missing input" 1 "fdht pack: none: No such file or directory" "$FDHT" pack -o a.h5 clips none
fails "--split: a sum" 2 "fdht pack: --split: the fractions add up to 0.9, not 1 (see fdht help pack)" \
    "$FDHT" pack -o a.h5 clips --split train=.8,val=.1
fails "--split: a name" 2 "fdht pack: --split: 'dev' is none of train, val, test (see fdht help pack)" \
    "$FDHT" pack -o a.h5 clips --split train=.8,dev=.2
fails "--split: a number" 2 "fdht pack: --split: '.8x' is not a fraction from 0 to 1 (see fdht help pack)" \
    "$FDHT" pack -o a.h5 clips --split train=.8x,val=.2
fails "--by without --split" 2 "fdht pack: --by needs --split, or clips that come with a split (see fdht help pack)" \
    "$FDHT" pack -f -o a.h5 clips --by name:x
fails "--by: no such column" 2 "fdht pack: --by: labels.tsv has no column 'person' (see fdht help pack)" \
    "$FDHT" pack -o a.h5 clips --labels labels.tsv --split train=1 --by person
fails "--by: a bad pattern" 2 "fdht pack: --by: '(' is not a regular expression (see fdht help pack)" \
    "$FDHT" pack -o a.h5 clips --split train=1 --by 'name:('
fails "--raw without --size" 2 "fdht pack: --raw needs --size WxH (see fdht help pack)" "$FDHT" pack -o a.h5 v.rgb --raw gray
fails "a table with a hole" 3 "fdht pack: t.csv: line 2: 1 columns, expected 2" \
    bash -c 'printf "a,b\nc\n" > t.csv; "$1" pack -o a.h5 clips --labels t.csv' - "$FDHT"
fails "output is input" 2 "fdht pack: output 'red.ppm' is the input 'red.ppm' (see fdht help pack)" "$FDHT" pack -f -o red.ppm red.ppm
fails "a pipe as output" 2 "$("$FDHT" pack -o - clips 2>&1)" "$FDHT" pack -o - clips
has "says why" "$err" "seek"

# interrupted: status 143, nothing left (a shell's background job ignores SIGINT; SIGTERM is caught alike)
mkfifo pipe
"$FDHT" pack -o a.h5 red.ppm pipe > "$OUT" 2> "$ERR" &
pid=$!
exec 9> pipe
sleep 0.3
kill -TERM $pid
wait $pid
same "interrupted: status" 143 "$?"
exec 9>&-
absent "interrupted: no output" a.h5
same "interrupted: nothing left" "" "$(find . -name '.*.tmp-*')"

# ---- --resume: a run that is killed behind its first 64 MiB, waiting for a FIFO ----
# 70 clips of a MiB, one that is damaged, then one that does not come
mkdir job
for k in 1 2; do head -c $((35 << 20)) /dev/zero | tr '\0' "$k" > job/$k.raw; done
printf 'YUV4MPEG2 W1024 H1024 Cmono\nFRAME\nshort' > job/3.y4m
last() { printf 'YUV4MPEG2 W1024 H1024 Cmono XCOLORRANGE=FULL\nFRAME\n'; head -c $((1 << 20)) /dev/zero | tr '\0' z; }
last > job/4.y4m
job=(--raw gray --size 1024x1024 --clip-frames 1 job/1.raw job/2.raw job/3.y4m job/4.y4m)
run "$FDHT" pack -o job.h5 "${job[@]}"
same "the job in one run: a clip is left out" 1 "$status"
report=$out
rm job/4.y4m && mkfifo job/4.y4m
"$FDHT" pack -o part.h5 "${job[@]}" > /dev/null 2>&1 &
pid=$!
for i in $(seq 200); do [ "$(cat part.h5.partial.log 2> /dev/null | wc -c)" -gt 4000 ] && break; sleep .1; done
run "$FDHT" pack -o part.h5 --resume "${job[@]}"
same "two writers: the second is refused" "1 fdht pack: part.h5.partial: another process writes it" "$status $err"
kill -9 $pid
wait $pid 2> /dev/null
rm job/4.y4m && last > job/4.y4m
absent "killed: no result yet" part.h5
run "$FDHT" pack -o part.h5 "${job[@]}"
same "what was kept is not overwritten" "1 fdht pack: part.h5.partial: exists; --resume goes on with it (use --force to overwrite it)" "$status $err"
fails "--resume with another option" 2 'fdht pack: --resume: part.h5.partial was made without --frames, not with --frames 1 (see fdht help pack)' \
    "$FDHT" pack -o part.h5 --resume --frames 1 "${job[@]}"
run "$FDHT" pack -o part.h5 --resume "${job[@]:0:6}" job/2.raw job/1.raw
has "--resume with other inputs" "$status $err" '2 fdht pack: --resume: part.h5.partial was made from ["job/1.raw","job/2.raw","job/3.y4m","job/4.y4m"], not from'
cp job/1.raw keep.raw && head -c $((34 << 20)) keep.raw > job/1.raw
run "$FDHT" pack -o part.h5 --resume "${job[@]}"
has "--resume with clips that are gone" "$status $err" "2 fdht pack: --resume: clip 34 is job/2.raw#0, in part.h5.partial it is job/1.raw#34"
mv keep.raw job/1.raw
run "$FDHT" pack -o part.h5 --resume "${job[@]}"
same "--resume: status" 1 "$status"
same "--resume: says what one run says" "${report//job.h5/part.h5}" "$out"
has "--resume: names what was left out" "$err" "job/3.y4m#0: frame 0: truncated"
cmp -s job.h5 part.h5 && pass "--resume: the bytes of one run" || fail "--resume: the bytes of one run"
same "nothing is left" "" "$(ls part.h5.* 2> /dev/null)"
# Killed when all is written, but not renamed yet; a sanitizer would want to be loaded first.
if [[ ${BUILD:-} != *address* && ${BUILD:-} != *thread* ]]; then
    mkdir late && for k in 1 2 3; do head -c 1024 /dev/zero | tr '\0' $k > late/$k.raw; done
    late=(--raw gray --size 32x32 --clip-frames 1 late)
    echo '#include <unistd.h>
int rename(const char *from, const char *to) { (void)from, (void)to; _exit(99); }
int renameat2(int a, const char *from, int b, const char *to, unsigned how) { (void)a, (void)from, (void)b, (void)to, (void)how; _exit(99); }' > late.c
    ${CC:-cc} -shared -fPIC -o late.so late.c || fail "late.c is compiled"
    LD_PRELOAD=$PWD/late.so "$FDHT" pack -o late.h5 "${late[@]}" > /dev/null 2>&1
    same "ends before it renames" "99 late.h5.partial" "$? $(ls late.h5*partial late.h5 2> /dev/null)"
    works "--resume of a finished file" "$FDHT" pack -o late.h5 --resume "${late[@]}"
    works "the same in one run" "$FDHT" pack -o whole.h5 "${late[@]}"
    cmp -s late.h5 whole.h5 && pass "--resume of a finished file: the bytes of one run" || fail "--resume of a finished file: the bytes of one run"
fi
works "--resume of nothing" "$FDHT" pack -o small.h5 --resume --raw gray --size 1024x1024 --clip-frames 1 job/1.raw
fails "--resume --check" 2 "fdht pack: --resume writes a file: no --check, no --dry-run (see fdht help pack)" "$FDHT" pack --check --resume -o x.h5 job/4.y4m
# names with control characters: nothing that a terminal would obey, wherever they are shown
odd=$(printf 'a\033[31m')
mkdir -p "odd/$odd/g" odd/b/g
for name in "odd/$odd/g/$(printf 'x\033]0;t\ny').y4m" odd/b/g/c.y4m "odd/$odd/g/d.y4m" odd/b/g/e.y4m; do
    { printf 'YUV4MPEG2 W4 H4 F25:1 Cmono\n' && printf 'FRAME\n%016d' 7 8 9; } > "$name"
done
escapes=
for words in "pack odd -o odd.h5" "info odd.h5" "pack odd --check" "train odd.h5 --cell dense --hidden 4 --epochs 1 -q -o odd-model.h5" \
    "info odd-model.h5" "infer odd-model.h5 odd.h5 --format text" "infer odd-model.h5 odd --format tsv" "infer odd-model.h5 odd --format jsonl"; do
    run "$FDHT" $words
    [ "$status" = 0 ] || escapes+="$words: status $status"
    grep -q "$(printf '\033')" "$OUT" "$ERR" && escapes+="$words "
done
same "no escape reaches a terminal" "" "$escapes"
ln -s loop.y4m loop.y4m
run "$FDHT" infer odd-model.h5 loop.y4m
has "the reason why a clip cannot be read" "$status $err" "1 fdht infer: loop.y4m: Too many levels of symbolic links"
tap_end
