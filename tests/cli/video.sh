#!/bin/bash
# Video files beside ffmpeg's own decoding of them: every container, many pixel formats, odd sizes, rotation, frame rates, damage.
. "$(dirname "$0")/lib.sh"

cp "$TOP"/tests/data/clips/small.* .
run "$FDHT" pack -o a.h5 small.mp4
if [[ $err == *"built without libavformat"* ]]; then
    has "the line that would do" "$err" "ffmpeg -i FILE -f yuv4mpegpipe -"
    same "an unread file" 3 "$status"
    skip "video files" "built without libavformat"
    tap_end
    exit
fi
same "an mp4" 0 "$status"
if ! command -v ffmpeg > /dev/null || ! command -v h5diff > /dev/null; then
    skip "beside ffmpeg" "no ffmpeg or no h5diff here"
    tap_end
    exit
fi
ff() { ffmpeg -nostdin -v error -y "$@" < /dev/null; }

# equal NAME DELTA A.. -- B..: what pack makes of A and of B differs by at most DELTA levels
equal() {
    local name=$1 delta=$2 a=()
    shift 2
    while [ "$1" != -- ]; do a+=("$1"); shift; done
    shift
    rm -f film.h5 pipe.h5
    run "$FDHT" pack -o film.h5 "${a[@]}" && [ "$status" = 0 ] && run "$FDHT" pack -o pipe.h5 "$@" && [ "$status" = 0 ] &&
        run h5diff ${delta:+--delta=$delta} film.h5 pipe.h5 /frames
    [ "$status" = 0 ] && [ -f pipe.h5 ] && pass "$name" || fail "$name" "$(said)"
}
# alike NAME FILE: FILE is what ffmpeg's y4m of it is
alike() {
    rm -f pipe.y4m
    ff -i "$2" -vsync 0 -f yuv4mpegpipe -strict -1 pipe.y4m
    equal "$1 as through the pipe" "" "$2" -- pipe.y4m
}
# near NAME FILE SIZE [pack-options]: within a level of ffmpeg's own conversion, chroma repeated and not interpolated as here
near() {
    local name=$1 file=$2 size=$3
    shift 3
    rm -f p.rgb
    ff -i "$file" -vf scale=flags=neighbor+accurate_rnd+full_chroma_int+full_chroma_inp,format=rgb24 -f rawvideo p.rgb
    equal "$name within a level of ffmpeg's RGB" 1 "$file" "$@" -- p.rgb --raw rgb24 --size "$size" "$@"
}
ff -f lavfi -i testsrc2=s=66x50:r=10:d=1 -pix_fmt yuv420p -c:v libx264 a.mp4
for way in "mkv -c copy" "mov -c copy" "webm -c:v libvpx -b:v 500k" "avi -c:v mpeg4" "mpg -c:v mpeg1video -r 25" "ts -c copy" "flv -c:v flv"; do
    ff -i a.mp4 ${way#* } "a.${way%% *}" && alike "${way%% *}" "a.${way%% *}"
done
alike "mp4" a.mp4
ff -i a.mp4 -c copy -metadata:s:v rotate=270 turned.mp4 && alike "rotation" turned.mp4
ff -f lavfi -i testsrc2=s=1280x720:r=5:d=0.4 -pix_fmt yuv420p -c:v libx264 hd.mp4 && alike "HD" hd.mp4
# ffmpeg stretches chroma a little where the size is odd, and its y4m of more than 8 bits is broken there
for pix in yuv420p yuv422p yuv444p yuv411p yuva420p gray yuv420p10le yuv422p10le yuv444p12le yuv420p16le rgb48le; do
    ff -f lavfi -i testsrc=s=64x50:r=5:d=0.4 -pix_fmt $pix -strict -2 -c:v ffv1 -level 3 p.mkv
    near $pix p.mkv 64x50 $([ $pix = gray ] && echo --gray)
    [[ $pix = gray || $pix = yuva* || $pix = rgb* ]] || alike $pix p.mkv
done
for pix in monob monow gray; do # written by the one encoder that has them
    ff -f lavfi -i testsrc=s=64x50:r=5:d=0.4 -pix_fmt $pix -color_range tv -c:v $([ $pix = gray ] && echo ffv1 || [ $pix = monob ] && echo png || echo rawvideo) p.mov 2> /dev/null ||
        ff -f lavfi -i testsrc=s=64x50:r=5:d=0.4 -pix_fmt $pix -color_range tv -c:v rawvideo p.mov
    near $pix p.mov 64x50 --gray
done
for pix in yuv420p yuv422p yuv411p; do
    ff -f lavfi -i testsrc=s=65x49:r=5:d=0.4 -pix_fmt $pix -strict -2 -c:v ffv1 -level 3 p.mkv
    alike "$pix of odd size" p.mkv
done
for matrix in bt709 smpte170m smpte240m bt2020nc; do
    ff -i hd.mp4 -vf scale=64:48 -c:v libx264 -colorspace $matrix -color_range pc -pix_fmt yuv444p m.mp4
    near "matrix $matrix" m.mp4 64x48
done
ff -i hd.mp4 -vf scale=64:48 -c:v libx264 -pix_fmt yuv444p m.mp4
ff -i m.mp4 -f yuv4mpegpipe pipe.y4m
equal "--matrix, --range" "" m.mp4 --matrix bt709 --range full -- pipe.y4m --matrix bt709 --range full
run "$FDHT" pack -f -o plain.h5 m.mp4
run h5diff --delta=9 film.h5 plain.h5 /frames
same "they make a difference" 1 "$status"

# frame rates
ff -i a.mp4 -vf "select='not(mod(n,3))+gt(n,6)'" -vsync vfr -c:v libx264 vfr.mp4
"$FDHT" pack -f -o film.h5 vfr.mp4 --json > "$OUT"
json "variable frame rate: every frame" .frames 6
for fps in 5 12.5 30; do
    ff -i vfr.mp4 -vf fps=$fps -vsync 0 -f yuv4mpegpipe pipe.y4m
    equal "--fps $fps as ffmpeg's filter" "" vfr.mp4 --fps $fps -- pipe.y4m
done

# folders, lists, damage
mkdir -p set/run set/hop && cp a.mp4 set/run/1.mp4 && cp a.mkv set/run/2.MKV && cp a.avi set/hop/x.avi && head -c 2000 a.mp4 > set/hop/y.mp4
run "$FDHT" pack -f -o set.h5 set --json --resize 33x25 --frames 4
same "a truncated film is left out" 1 "$status"
has "and named" "$err" "set/hop/y.mp4: an MP4 or QuickTime file: truncated (2000 of "
json "the others are packed" '[.clips, .left_out, .classes, .frames, .width]' '[3,1,["hop","run"],4,33]'
run "$FDHT" pack -f -o set.h5 - < a.mp4
same "an MP4 through a pipe" 3 "$status"
has "is named with the line that works" "$err" "ffmpeg -i - -f yuv4mpegpipe -"
printf '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n' > play.mp4
run "$FDHT" pack -f -o set.h5 play.mp4
same "a playlist is no film" 3 "$status"
absent "nothing written" none.h5

# the shapes of well-known sets (fdht-recipes.7): no scene has clips in two splits
for c in walk dive; do
    mkdir -p ucf11/$c/Annotation ucf101/$c hmdb51/$c faces && touch ucf11/$c/Annotation/a.xgtf
    for g in 01 02 03 04 05; do
        mkdir -p ucf11/$c/v_${c}_$g
        for k in 1 2; do
            for to in ucf11/$c/v_${c}_$g/v_${c}_${g}_0$k ucf101/$c/v_${c}_g${g}_c0$k hmdb51/$c/Film_${g}_${c}_f_cm_np1_ba_med_$k \
                faces/00${g}_0${#c}_00${k}_al_$c; do
                cp a.avi $to.avi
            done
        done
    done
done
few=(--resize 16x12 --frames 2 --split train=.6,val=.2,test=.2)
# apart NAME FILE REGEX N: of 20 clips 12, 4 and 4 are in the splits; each of the N scenes, what REGEX finds in names, is in one of them
apart() {
    [ -e sets_model.h5 ] || "$FDHT" train "$2" -o sets_model.h5 --hidden 4 --epochs 1 -q > /dev/null
    same "$1: splits" "[12,4,4]" "$("$FDHT" info "$2" --json | jq -c '[.split.train, .split.val, .split.test]')"
    for s in train val test; do
        "$FDHT" infer sets_model.h5 "$2" --split $s | jq -r .clip | grep -oE "$3" | sort -u
    done > scenes
    same "$1: scenes" "$4" "$(wc -l < scenes)"
    same "$1: scenes apart" "" "$(sort scenes | uniq -d)"
}
run "$FDHT" pack -o ucf11.h5 ucf11 "${few[@]}"
same "UCF11: the folders of annotations are named" 1 "$status"
apart UCF11 ucf11.h5 'v_[a-z]+_[0-9]+/' 10
works "UCF101" "$FDHT" pack -o ucf101.h5 ucf101 "${few[@]}" --by 'name:_(g[0-9]+)_c'
apart UCF101 ucf101.h5 '_g[0-9]+_c' 5
works "HMDB51" "$FDHT" pack -o hmdb51.h5 hmdb51 "${few[@]}" --by 'name:([^/]+)_[fhlu]_(nm|cm)_np'
apart HMDB51 hmdb51.h5 'Film_[0-9]+_[a-z]+' 10
ls faces | sed -nE '1i clip,label,video
    s/^(([0-9]+_[0-9]+)_[0-9]+_(.*)\.avi)$/\1,\3,\2/p' > clips.csv
works "celebrities" "$FDHT" pack -o faces.h5 faces --labels clips.csv --by video "${few[@]}"
apart "celebrities" faces.h5 '00[0-9]+_0[0-9]+' 5
same "celebrities: classes" '["al_dive","al_walk"]' "$("$FDHT" info faces.h5 --json | jq -c .classes)"
tap_end
