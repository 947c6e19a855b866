#!/bin/bash
# The demo's clip renderer on sheets made for the test, every pixel of which is known. With flare-game's art at hand, also that.
. "$(dirname "$0")/lib.sh"

render=${RENDER:-$TOP/build/demo/render}
there "the renderer is built" "$render"

# pixel FILE CLIP FRAME X Y -> "r g b"
pixel() { od -An -tu1 -j $(((($2 * 6 + $3) * 120 + $5) * 160 * 3 + $4 * 3)) -N 3 "$1" | tr -s ' ' | sed 's/^ //'; }
# ends NAME STATUS CMD..: refused with this status and one line
ends() {
    local name=$1 want=$2
    shift 2
    run "$@"
    [ "$status" = "$want" ] && [ "$(wc -l <"$ERR")" = 1 ] && pass "$name" || fail "$name" "$(said)"
}

"$TOP/tests/tools/flare-art" "$render" art
"$render" --list >list.txt

# ---- known pixels ----
works "renders" "$render" --art art --raw a.raw --labels a.tsv --split train=80 --jitter 0
same "bytes" $((80 * 6 * 160 * 120 * 3)) "$(stat -c %s a.raw)"
same "rows of labels" 81 "$(wc -l <a.tsv)"
same "grey behind" "128 128 128" "$(pixel a.raw 0 0 0 0)"
same "half-transparent blue on grey" "64 64 192" "$(pixel a.raw 0 0 60 86)"
same "nothing drawn below" "128 128 128" "$(pixel a.raw 0 0 80 87)"
seen=
for clip in 0 1 2 3 4 5 6; do
    case $(sed -n "$((clip + 2))p" a.tsv | cut -f 5) in
    5) want="0 255 0" seen=${seen}5 ;;
    7) want="255 0 0" seen=${seen}7 ;;
    *) want="direction 5 or 7" ;;
    esac
    same "order of layers, clip $clip" "$want" "$(pixel a.raw $clip 2 80 86)"
done
case $seen in *57* | *75*) ;; *) same "both directions drawn" "5 and 7" "$seen" ;; esac
for k in 0 1 2 3 4 5; do
    same "die, frame $k: the pixel walks" "64 64 192" "$(pixel a.raw 7 $k $((60 + k)) 86)"
    [ $k = 0 ] || same "die, frame $k: and leaves" "128 128 128" "$(pixel a.raw 7 $k $((59 + k)) 86)"
done

# ---- labels, subjects, sets ----
same "labels in turn" "stance run swing shoot cast block hit die" "$(sed -n 2,9p a.tsv | cut -f 2 | paste -sd ' ')"
same "one outfit a subject" 10 "$(tail -n +2 a.tsv | cut -f 3,6 | sort -u | wc -l)"
"$render" --art art --raw /dev/null --labels b.tsv --split train=800,val=800,test=800 --directions 8
same "eight directions" "0 1 2 3 4 5 6 7" "$(tail -n +2 b.tsv | cut -f 5 | sort -u | paste -sd ' ')"
shared=$(tail -n +2 b.tsv | awk -F '\t' '{ n = split($6, g, "+"); for (i = 2; i <= n; i++) print $4, g[i] }' | sort -u |
    cut -d ' ' -f 2 | sort | uniq -d)
same "no piece in two sets" "" "$shared"
same "every piece is worn" "$(cut -f 2 list.txt | sort -u | paste -sd ' ')" \
    "$(tail -n +2 b.tsv | cut -f 6 | tr + '\n' | grep -v male | sort -u | paste -sd ' ')"
same "recolours stay in the set of their shape" "" \
    "$(sed 's/_alt[0-9]//' list.txt | cut -f 2,3 | sort -u | cut -f 1 | uniq -d)"

# ---- determinism ----
"$render" --art art --raw c.raw --split train=80 --jitter 0 && cmp -s a.raw c.raw
same "same seed, same clips" 0 $?
"$render" --art art --raw c.raw --split train=96 --jitter 0 && cmp -s -n "$(stat -c %s a.raw)" a.raw c.raw
same "more clips leave the first ones alone" 0 $?
"$render" --art art --raw c.raw --split train=80 --jitter 0 --seed 2 && cmp -s a.raw c.raw
same "another seed, other clips" 1 $?
"$render" --art art --raw j.raw --split train=800 --jitter 3 --labels /dev/null
same "jitter moves the avatar" 1 "$(cmp -s -n 100000 a.raw j.raw; echo $?)"

# ---- PNG and y4m ----
works "writes folders" "$render" --art art --out png --split train=8,test=8 --jitter 0
same "pictures" 96 "$(find png -name '*.png' | wc -l)"
same "a clip's pictures" "0.png 1.png 2.png 3.png 4.png 5.png" "$(ls png/test/die/00007 | paste -sd ' ')"
same "signature and size" "89 50 4e 47 0d 0a 1a 0a 00 00 00 0d 49 48 44 52 00 00 00 a0 00 00 00 78 08 02" \
    "$(od -An -tx1 -N 26 png/train/run/00001/0.png | tr -s ' \n' ' ' | sed 's/^ //; s/ $//')"
same "labels.tsv" "clip	label	subject	split	direction	gear" "$(head -1 png/labels.tsv)"
"$render" --art art --y4m clip.y4m --split train=8 --jitter 0
same "y4m header" "YUV4MPEG2 W160 H120 F10:1 Ip A1:1 C444 XCOLORRANGE=LIMITED" "$(head -n 1 clip.y4m)"
head=$(head -n 1 clip.y4m | wc -c)
same "y4m bytes" $((head + 48 * (6 + 3 * 160 * 120))) "$(stat -c %s clip.y4m)"
luma() { od -An -tu1 -j $((head + 6 + $1)) -N 1 clip.y4m | tr -d ' '; }
same "y4m grey, BT.601" "126 128 128" "$(luma 0) $(luma $((160 * 120))) $(luma $((2 * 160 * 120)))"
dot=$((86 * 160 + 80))
case $(sed -n 2p a.tsv | cut -f 5) in
5) want="145 54 34" ;; # green
*) want="81 90 240" ;; # red
esac
same "y4m colour, BT.601" "$want" "$(luma $dot) $(luma $((160 * 120 + dot))) $(luma $((2 * 160 * 120 + dot)))"

# ---- refusals ----
ends "no art" 3 "$render" --art nowhere --raw x.raw
run "$render"
same "no arguments" 2 "$status"
for bad in "--directions 3" "--split dev=3" "--split train=x" "--seed -1" "--jitter 4px" "extra"; do
    ends "$bad" 2 "$render" --art art --raw x.raw $bad
done
piece=art/animations/avatar/male/cloth_pants.txt
cp $piece good.txt
sed -i 's/^frame=0,3,.*/frame=0,3,4,0,1,1,0,0/' $piece
ends "a cut outside the picture" 3 "$render" --art art --raw x.raw
sed 's/^frame=0,3,.*/frame=0,9,0,0,1,1,0,0/' good.txt >$piece
ends "a direction that is none" 3 "$render" --art art --raw x.raw
grep -v '^frame=0,[0-5]' good.txt >$piece
ends "a sheet that lacks an action" 3 "$render" --art art --raw x.raw
cp good.txt $piece
head -c 60 art/images/dots.png >short.png && mv short.png art/images/dots.png
ends "a truncated picture" 3 "$render" --art art --raw x.raw

# ---- the real art ----
if art=$("$TOP/demo/art" --have); then
    works "flare-game" "$render" --art "$art" --raw r.raw --split train=64,val=64,test=64 --directions 8
    tones=$(od -An -v -tu1 -w3 -j $((60 * 480)) -N $((40 * 480)) r.raw | sort -u | wc -l)
    [ "$tones" -gt 200 ]
    same "flare-game: more than 200 colours in the middle of a frame ($tones)" 0 $?
else
    skip "flare-game" "its art is not here; demo/art fetches it"
fi
tap_end
