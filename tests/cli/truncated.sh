#!/bin/bash
# A thousand videos, streams and pictures cut at random places: each is an error record that says so, never a shorter clip, and nothing
# crashes. Cuts between two frames of a y4m stream cannot be told; none of these is one.
. "$(dirname "$0")/lib.sh"
cp "$TOP"/tests/data/clips/small.* .
run "$FDHT" pack -o a.h5 small.mp4
if [[ $err == *"built without libavformat"* ]] || ! command -v ffmpeg > /dev/null || ! command -v jq > /dev/null; then
    skip "truncated files" "no libavformat, ffmpeg or jq here"
    tap_end
    exit
fi
ff() { ffmpeg -nostdin -v error -y -f lavfi -i "testsrc2=s=34x26:r=10:d=$1" "${@:2}" < /dev/null; }
for way in "a.mp4 -c:v libx264 -pix_fmt yuv420p" "b.mp4 -c:v libx264 -pix_fmt yuv420p -movflags +faststart" \
    "c.mkv -c:v libx264" "d.webm -c:v libvpx -b:v 300k" "e.avi -c:v mpeg4" "f.gif" "g.avi -c:v mjpeg" "h.mkv -c:v ffv1" "i.y4m -pix_fmt yuv420p"; do
    set -- $way
    ff 1 "${@:2}" "$1" 2> /dev/null || rm -f "$1"
done
for picture in j.png k.jpg l.ppm; do ff 0.1 -frames:v 1 $picture 2> /dev/null || rm -f $picture; done
RANDOM=11
whole=([a-l].*) n=0
for file in "${whole[@]}"; do size[n++]=$(stat -c %s "$file"); done
mkdir cut
for ((k = 0; k < 1000; k++)); do
    i=$((k % n)) bytes=$(((RANDOM << 15 | RANDOM) % size[k % n]))
    ((k % 3)) || bytes=$((size[i] - 1 - bytes % (size[i] < 100 ? size[i] : 100)))
    [[ ${whole[i]} = *.y4m ]] && head -c "$bytes" i.y4m | tail -c 6 | grep -q FRAME && bytes=$((bytes - 8))
    head -c "$bytes" "${whole[i]}" > "cut/$k-${whole[i]}"
done
"$FDHT" train "$TOP/tests/data/bars.h5" -q -o m.h5 --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 0 > /dev/null
run timeout 300 "$FDHT" infer m.h5 "${whole[@]}" --resize
same "the whole ones: status" 0 "$status"
run timeout 300 "$FDHT" infer m.h5 --resize --from-stdin < <(printf '%s\n' cut/*)
same "the cut ones: status" 1 "$status"
same "a record each, and each an error" "1000 1000" "$(jq -s -r '"\(length) \(map(select(.error)) | length)"' <<< "$out")"
same "none taken" "" "$(jq -r 'select(.error | not) | .clip' <<< "$out")"
tap_end
