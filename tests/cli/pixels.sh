#!/bin/bash
# What a model was trained on, said at compress and train --init: PNG folders and video through compress and infer, without
# training data, give what numpy computes of the dense model; and what is refused.
. "$(dirname "$0")/lib.sh"
see="(see fdht help compress)"
weights=$TOP/tests/data/lstm/torch_1layer.h5
for bad in "--gray" "--scale 2" "--mean 1" "--std 1" "--frame 7" "--frame 7x1x5" "--frame 7x0x1" "--frame 7x1 --mean 1,2" \
    "--frame 7x1x1 --std 0" "--frame 7x1x1 --std x" "--frame 7x1x3 --gray" "--frame 2x2x1" "--frame 7x1x1 --mean 1,"; do
    run "$FDHT" compress "$weights" -o m.h5 --rank 2 $bad
    same "$bad: status" 2 "$status"
    same "$bad: one line" 1 "$(wc -l < "$ERR")"
done
same "a frame of other inputs is told" "fdht compress: --frame: 2x2x1 are 4 numbers, $weights takes 7" "$("$FDHT" compress \
    "$weights" -o m.h5 --rank 2 --frame 2x2x1 2>&1 | sed 's/ (see.*//')"
absent "nothing written" m.h5
works "one mean and std" "$FDHT" compress "$weights" -o m.h5 --rank 99 --frame 7x1x1 --scale 0.5 --mean 8 --std 4
works "info" "$FDHT" info m.h5 --json
json "are of pixels" '[.frame.mean, .frame.std, .frame.width, .frame.channels, .version]' '[16,8,7,1,"1.0"]'
works "train" "$FDHT" train "$TOP/tests/data/bars.h5" -o t.h5 -q --in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 2 --epochs 1 \
    --scale 0.5 --mean 1,2,3 --std 4
works "train: info" "$FDHT" info t.h5 --json
json "train: kept" '[.frame.channel_mean, .frame.channel_std]' '[[2,4,6],[8,8,8]]'
works "train --init" "$FDHT" train "$TOP/tests/data/bars.h5" -o u.h5 -q --init t.h5 --epochs 1
works "train --init: info" "$FDHT" info u.h5 --json
json "train --init: kept" '[.frame.channel_mean, .frame.channel_std]' '[[2,4,6],[8,8,8]]'
works "train --init with others" "$FDHT" train "$TOP/tests/data/bars.h5" -o u.h5 -f -q --init t.h5 --epochs 1 --mean 7
works "train --init with others: info" "$FDHT" info u.h5 --json
json "train --init with others: kept" '[.frame.mean, .frame.std]' '[7,1]'
run "$FDHT" train "$TOP/tests/data/bars.h5" -o v.h5 --hidden 8 --epochs 1 --frame 9x9x3
same "train: another frame: status" 2 "$status"
python=/usr/bin/python3
if ! $python -c 'import h5py, numpy' 2> /dev/null; then
    skip "numpy's values" "python3-h5py and python3-numpy are not here"
    tap_end
    exit
fi
cat > make.py << 'END'
# A model of 4x3 frames of 3 channels, clips as PNG folders and as a data set, and what the model gives for them.
import sys, os, struct, zlib, json, h5py, numpy as np
r = np.random.default_rng(5)
H, C, W, Ht, Ch, T = 6, 3, 4, 3, 3, 5
D = W * Ht * Ch
w = {k: r.normal(size=s).astype('f4') * 0.4 for k, s in dict(weight_ih_l0=(4*H, D), weight_hh_l0=(4*H, H), bias_ih_l0=(4*H,),
     bias_hh_l0=(4*H,)).items()}
fc, fb = r.normal(size=(C, H)).astype('f4'), r.normal(size=C).astype('f4')
with h5py.File('w.h5', 'w') as f:
    for k, v in w.items():
        f['lstm.' + k] = v
    f['fc.weight'], f['fc.bias'] = fc, fb
def png(path, img):
    raw = b''.join(b'\0' + row.tobytes() for row in img)
    chunk = lambda t, d: struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
    color = 2 if img.ndim == 3 else 0
    open(path, 'wb').write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', img.shape[1], img.shape[0], 8, color, 0, 0, 0))
                           + chunk(b'IDAT', zlib.compress(raw)) + chunk(b'IEND', b''))
sig = lambda x: 1 / (1 + np.exp(-x))
def model(x):
    h = c = np.zeros(H)
    for t in range(len(x)):
        a = w['weight_ih_l0'].astype('f8') @ x[t] + w['weight_hh_l0'] @ h + w['bias_ih_l0'] + w['bias_hh_l0']
        i, f, g, o = np.split(a, 4)
        c = sig(f) * c + sig(i) * np.tanh(g)
        h = sig(o) * np.tanh(c)
    y = fc.astype('f8') @ h + fb
    p = np.exp(y - y.max())
    return (p / p.sum()).tolist()
clips = r.integers(0, 256, size=(4, T, Ht, W, Ch), dtype=np.uint8)
mean, std = np.array([.485, .456, .406]), np.array([.229, .224, .225])
want = {'channels': [], 'one': [], 'diff': []}
raw = open('clip.rgb', 'wb')
for n, clip in enumerate(clips):
    os.makedirs(f'clips/clip{n}')
    for t, img in enumerate(clip):
        png(f'clips/clip{n}/{t:02d}.png', img)
    if n == 0:
        raw.write(clip.tobytes())
    z = (clip / 255.0 - mean) / std
    want['channels'].append(model(z.reshape(T, -1)))
    want['one'].append(model(((clip / 255.0 - .5) / .25).reshape(T, -1)))
    d = np.zeros_like(z)
    d[1:] = z[1:] - z[:-1]
    want['diff'].append(model(d.reshape(T, -1)))
json.dump(want, open('want.json', 'w'))
with h5py.File('data.h5', 'w') as f:
    f['frames'] = clips
    f['labels'] = np.argmax(want['channels'], 1).astype('i4')
with h5py.File('nolabels.h5', 'w') as f:
    f['frames'] = clips
END
cat > judge.py << 'END'
import sys, json
want, worst = json.load(open('want.json'))[sys.argv[1]], 0
for line in open(sys.argv[2]):
    r = json.loads(line)
    n = int(''.join(k for k in r['clip'] if k.isdigit()) or 0) if len(sys.argv) < 4 else 0
    for t in r['top']:
        worst = max(worst, abs(want[n][int(t['label'])] - t['prob']))
assert worst < 2e-5, worst
END
works "numpy's model" $python make.py
norm="--scale 0.00392156862745098 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"
# infer of CLIPS by a model compressed with OPTIONS gives the values named WHAT
same_as_numpy() {
    local what=$1 name=$2
    shift 2
    works "$name: compress" "$FDHT" compress w.h5 -q -o "$name.h5" --rank 999 --frame 4x3x3 "$@"
    works "$name: infer" "$FDHT" infer "$name.h5" clips/clip0 clips/clip1 clips/clip2 clips/clip3 --top 3
    cp "$OUT" "$name.jsonl"
    same "$name: clips" 4 "$(wc -l < "$name.jsonl")"
    works "$name: numpy's values" $python judge.py "$what" "$name.jsonl"
}
same_as_numpy channels channels $norm
same_as_numpy channels ht --format ht $norm
same_as_numpy one one --scale 0.00392156862745098 --mean 0.5 --std 0.25
same_as_numpy diff diff --diff $norm
works "channels: raw video" bash -c '"$1" infer channels.h5 --raw rgb24 --size 4x3 --top 3 - < clip.rgb > raw.jsonl' - "$FDHT"
works "channels: raw video: numpy's values" $python judge.py channels raw.jsonl one
works "channels: as a stream" bash -c '"$1" infer channels.h5 --raw rgb24 --size 4x3 --top 3 --stream - < clip.rgb > stream.jsonl' - "$FDHT"
tail -n 1 stream.jsonl > last.jsonl
works "channels: as a stream: numpy's values" $python judge.py channels last.jsonl one
works "channels: info" "$FDHT" info channels.h5 --json
json "channels: kept" '[.version, (.frame.channel_mean | map(. * 1000 | round)), (.frame.channel_std | map(. * 1000 | round))]' \
    '["1.2",[123675,116280,103530],[58395,57120,57375]]'
works "a reader of older versions refuses it" $python -c 'import h5py; assert h5py.File("channels.h5").attrs["frame_std"] == 0'

# --eval: labels are what numpy's model says
works "--eval" "$FDHT" compress w.h5 -q -o ev.h5 --rank 999 --frame 4x3x3 $norm --eval data.h5 --json
json "--eval: all right" '[.eval.original.accuracy, .eval.compressed.accuracy, .eval.compressed.agreement, .eval.clips, .eval.labelled, .eval.split]' \
    '[1,1,1,4,4,"all"]'
json "--eval: outputs" '.eval.compressed.output_difference_rel < 1e-5' true
works "--eval, text" "$FDHT" compress w.h5 -q -o ev.h5 -f --rank 1 --frame 4x3x3 $norm --eval data.h5
has "--eval, text" "$out" "accuracy of the original 1.0000, compressed"
works "--eval of other inputs" "$FDHT" compress w.h5 -q -o ev.h5 -f --rank 999 --frame 4x3x3 --eval data.h5 --json
json "--eval of other inputs: not the labels'" '.eval.original.accuracy < 1 and .eval.compressed.agreement == 1' true
works "--eval without labels" "$FDHT" compress w.h5 -q -o ev.h5 -f --rank 999 --frame 4x3x3 $norm --eval nolabels.h5 --json
json "--eval without labels: agreement" '[.eval.original.accuracy, .eval.compressed.accuracy, .eval.compressed.agreement]' '[null,null,1]'
works "--dry-run --eval" "$FDHT" compress w.h5 -q --dry-run --format all --frame 4x3x3 $norm --eval data.h5 --json --csv e.csv
json "--dry-run --eval: every point" '[.curve[] | .accuracy >= 0 and .agreement == .accuracy] | all' true
json "--dry-run --eval: exact where the error is 0" '[.curve[] | select(.error_rel < 1e-4) | .accuracy == 1] | all and length > 0' true
same "--dry-run --eval: CSV" "format,layer,direction,parameters,ratio,error_rel,bound_rel,largest_rank,accuracy,agreement,output_difference_rel" \
    "$(head -n 1 e.csv)"
run "$FDHT" compress w.h5 -q -o ev2.h5 --rank 2 --eval data.h5
same "--eval without --frame: status" 3 "$status"
has "--eval without --frame: says so" "$err" "--frame says what frames it takes"
absent "--eval without --frame: nothing written" ev2.h5
run "$FDHT" compress w.h5 -q -o ev2.h5 --rank 2 --eval w.h5
same "--eval of weights: status" 3 "$status"
tap_end
