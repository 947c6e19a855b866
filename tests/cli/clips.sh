#!/bin/bash
# Clips as people have them: folders of the field, IDX, HDF5 pairs, NumPy's arrays, tables, and what is refused by name.
. "$(dirname "$0")/lib.sh"
cp -r "$TOP"/tests/data/clips/cases/* .
pack() { run "$FDHT" pack -f -o o.h5 --json "$@"; }
# refused NAME WORDS ARGS..: status 3 and a message that says so
refused() {
    local name=$1 words=$2
    shift 2
    pack "$@"
    [ "$status" = 3 ] && [[ $err == *"$words"* ]] && pass "$name" || fail "$name" "wanted status 3 and '$words'
$(said)"
}
labels() { h5dump -d /labels -y -w 0 o.h5 | sed -n '/DATA {/{n;s/^ *//;p}'; }
first() { h5dump -d /frames -y -w 0 o.h5 | sed '1,/DATA {/d;/}/,$d' | tr -d ' \n' | cut -d, -f "1-$1"; }

pack grey_frame
json "a grey frame among colours" '[.frames, .channels, .left_out]' '[3,3,0]'
pack ucf11 --split train=.5,test=.5
json "UCF11: classes and groups" '[.classes, .clips]' '[["shooting","walking"],3]'
pack ucf11 --class-level 2
json "--class-level" .classes '["v_shooting_01","v_walking_07"]'
mkdir -p one && cp -r ucf11/shooting one/
pack one
has "one class is worth a word" "$err" "all 2 clips are of one class, 'shooting'"
cp mixed/t10k-images-idx3-ubyte .
pack t10k-images-idx3-ubyte
has "IDX pictures without labels are worth a word" "$err" "no clip has a label; those of IDX pictures are looked for next to them"
pack t10k-images-idx3-ubyte --labels <(echo clip,label; for i in 0 1 2 3 4 5; do echo t10k-images-idx3-ubyte#$i,$i; done)
same "not with --labels" "" "$err"
pack gamma
if command -v h5dump > /dev/null; then
    same "PNG's gAMA is left alone" "204,77,77,31,146,61" "$(first 6)"
    pack mixed/t10k-images-idx3-ubyte
    same "IDX: labels gzipped, pictures not" "0, 1, 2, 3, 4, 5" "$(labels)"
    pack qmnist/qmnist-test-images-idx3-ubyte.gz qmnist/qmnist-test-labels-idx2-int.gz
    same "QMNIST's labels" "0, 1, 2, 3, 4, 5" "$(labels)"
else
    skip "pixels and labels" "no h5dump here"
fi
pack xyscss444.y4m
json "y4m with XYSCSS alone" .frames 3
pack two_streams.y4m
json "two y4m streams" .clips 2
refused "float labels" "/y: floats, which are no labels" x_y.h5
refused "pictures" "looks like pictures" images.h5
refused "labels beyond int" "/labels: number 2 is 1099511627776 or beyond" label_range.h5
refused "a link" "/frames: a soft or external link" soft_link.h5
refused "a broken MP4" "an MP4" film.mp4
pack jpeg_mixed
has "a broken JPEG among PNG" "$err" "2.jpg: "
run "$FDHT" info open_writer.h5
has "open elsewhere" "$err" "open for writing, or was not closed (h5clear -s"
works "a user block" "$FDHT" info user_block.h5

# JPEG beside what PIL made of it
cp "$TOP"/tests/data/clips/jpeg/* .
pack colour.jpg
if [[ $err == *"built without libjpeg"* ]]; then
    skip "JPEG" "built without libjpeg"
elif ! command -v h5diff > /dev/null; then
    skip "JPEG" "no h5diff here"
else
    for name in colour progressive grey turned3 turned6 turned7; do
        "$FDHT" pack -f -o want.h5 $name.p[gp]m > /dev/null
        pack $name.jpg
        run h5diff --delta=1 o.h5 want.h5 /frames
        same "JPEG $name" 0 "$status"
    done
    refused "CMYK" "a JPEG in CMYK" cmyk.jpg
    head -c 500 colour.jpg > cut.jpg
    refused "a truncated JPEG" "cut.jpg: damaged or truncated JPEG" cut.jpg
    mkdir set && cp colour.jpg set/2.jpg && cp colour.ppm set/1.ppm && cp grey.jpg set/10.JPEG
    pack set
    json "JPEG among others" '[.clips, .frames, .channels]' '[1,3,3]'
fi

# tables
printf 'a,b\n1,2\n3.5,-4e0\n5,6\n' > t.csv
pack t.csv
json "CSV with names" '[.clips, .frames, .features]' '[1,3,2]'
pack t.csv --clip-frames 2
json "cut" '[.clips, .frames]' '[2,2]'
printf '1;2\n3;4;5\n' > bad.csv
refused "a ragged table" "line 2: 3 numbers, the lines before it have 2" bad.csv
printf '1,2\n3,x\n' > bad.csv
refused "a word in a table" "line 2: a cell is not a number" bad.csv
printf '1,nan\n' > bad.csv
pack bad.csv
has "no number" "$err" "frame 0, feature 1 is not a finite number"
printf '\0\0\200\77\0\0\0\100\0\0\100\100' > x.f32
pack --raw f32 --features 1 x.f32
json "raw floats" '[.frames, .features]' '[3,1]'
command -v h5dump > /dev/null && same "their values" "1,2,3" "$(first 3)"
refused "a short row" "frame 1: truncated (read 4 of 8 bytes)" --raw f32 --features 2 x.f32
fails "--features alone" 2 "fdht pack: --raw f32 and --features need each other (see fdht help pack)" "$FDHT" pack -o p.h5 x.f32 --features 2

# what numpy and h5py write
if ! /usr/bin/python3 -c 'import numpy, h5py' 2> /dev/null; then
    skip "arrays" "no numpy or h5py here"
    tap_end
    exit
fi
/usr/bin/python3 - << 'PY'
import numpy as np, h5py
x = np.arange(24, dtype='f4').reshape(3, 4, 2)
v = np.arange(2 * 2 * 4 * 5 * 3, dtype='u1').reshape(2, 2, 4, 5, 3)
y = np.array([1, 0, 2])
np.save('one.npy', x[0])
np.save('many.npy', np.asfortranarray(x.astype('f8')))
np.save('film.npy', v[0])
np.save('floats.npy', v[0] / 255)
np.savez('pair.npz', X=x, y=y)
np.savez('splits.npz', x_train=x, y_train=np.eye(3, dtype='i4')[y], x_test=x[:1], y_test=y[:1])
np.savez('regression.npz', X=x, y=y.astype('f4'))
for name, data in dict(ints=y, one_hot=np.eye(3, dtype='i8')[y], column=y[:, None]).items():
    with h5py.File(name + '.h5', 'w') as h:
        h['X'], h['y'] = x, data
with h5py.File('words.h5', 'w') as h:
    h['X'], h['y'] = x, np.array(['run', 'hop', 'sit'], dtype=h5py.string_dtype())
with h5py.File('thwc.h5', 'w') as h:
    h['frames'] = v
with h5py.File('cthw.h5', 'w') as h:
    h['frames'] = v.transpose(0, 4, 1, 2, 3)
with h5py.File('tchw.h5', 'w') as h:
    h['frames'] = v.transpose(0, 1, 4, 2, 3)
with h5py.File('both.h5', 'w') as h:
    h['frames'] = np.zeros((1, 3, 3, 4, 5), 'u1')
with h5py.File('float.h5', 'w') as h:
    h['frames'] = v / 255
PY
pack one.npy
json "a .npy of features" '[.clips, .frames, .features]' '[1,4,2]'
pack many.npy
json "many in one, in Fortran order" '[.clips, .frames, .features]' '[3,4,2]'
same "their values" "0,1,2,3,4,5" "$(first 6)"
pack film.npy
json "frames in a .npy" '[.clips, .frames, .width, .height, .channels]' '[1,2,5,4,3]'
refused "frames of floats" "4 axes of floats; frames are bytes" floats.npy
pack pair.npz
same "X and y" "1, 0, 2" "$(labels)"
pack splits.npz
json "x_train and x_test" '[.clips, .split.train, .split.test]' '[4,3,1]'
has "one-hot rows" "$(labels)" "1, 0, 2"
refused "float labels in .npz" "which are no labels" regression.npz
for name in ints one_hot column; do
    pack $name.h5
    same "HDF5 pair: $name" "1, 0, 2" "$(labels)"
done
pack words.h5
json "HDF5 pair: strings" .classes '["hop","run","sit"]'
same "HDF5 pair: their numbers" "1, 0, 2" "$(labels)"
for name in cthw tchw; do
    pack thwc.h5
    mv o.h5 want.h5
    pack $name.h5
    works "channels first: $name" h5diff o.h5 want.h5 /frames
done
refused "either order of channels" "(1,3,3,4,5) may have its channels second or third" both.h5
refused "frames of floats in HDF5" "5 modes of floats; frames are bytes" float.h5
tap_end
