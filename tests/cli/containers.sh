#!/bin/bash
# Weights in every kind of file through the commands: info, compress, train --init; what a file is where it is none of them.
. "$(dirname "$0")/lib.sh"
cases=$TOP/tests/data/cases arrays=$TOP/tests/data/arrays

# what a file without a description makes the command say
assumes="warning: the file does not describe its layers: a softmax head on the last state"
takes() { # NAME COMMAND FILE CMD..: done, with no other word
    local name=$1 command=$2 file=$3
    shift 3
    run "$@"
    case $file in
    *.onnx | *.keras)
        same "$name" "0 " "$status $err"
        ;;
    *)
        same "$name" "0 fdht $command: $assumes" "$status $err"
        ;;
    esac
}
# FILE: does this build lack the library?
lacks() {
    run "$FDHT" info --json "$1"
    [[ $err == *"built without"* ]] && skip "${1##*/}" "${err##*: }"
}

python=/usr/bin/python3
if $python -c 'import h5py, numpy' 2> /dev/null; then
    $python - <<'DATA'
import h5py, numpy as np
with h5py.File("data.h5", "w") as f:
    f["frames"] = np.random.default_rng(1).normal(size=(12, 6, 5)).astype("f4")
    f["labels"] = np.arange(12, dtype="i4") % 3
DATA
fi
for f in torch_state.pt torch_checkpoint.pt torch_state.npz torch_state.safetensors torch_f16.safetensors torch_bf16.safetensors \
    torch_unpacked.keras torch_last.onnx torch_external.onnx torch_by_clip.onnx torch_gru.onnx torch_relu.onnx; do
    file=$cases/$f
    lacks "$file" && continue
    works "$f: info" "$FDHT" info --json "$file"
    json "$f: info: three outputs" '.kind == "weights" and .stack and .classes == 3' true
    takes "$f: compress" compress "$f" "$FDHT" compress "$file" -o m.h5 -f --format tt --rank 1000 --json
    json "$f: compress: the model computes what the file describes" '.self_check.output_difference < 1e-5' true
    takes "$f: compress, streamed" compress "$f" "$FDHT" compress "$file" -o s.h5 -f --format tt --rank 1000 --max-memory 1G --json
    json "$f: compress, streamed: as well" '.self_check.output_difference < 1e-5' true
    [ -f data.h5 ] || continue
    case $f in # these give values, which /labels are none of
    *.onnx)
        [ $f = torch_by_clip.onnx ] || continue
        ;;
    esac
    works "$f: train --init" "$FDHT" train data.h5 --init "$file" -o t.h5 -f --epochs 1 -q
    works "$f: train --init --epochs 0" "$FDHT" train data.h5 --init "$file" -o t.h5 -f --epochs 0 -q
    run "$FDHT" train data.h5 --init "$file" -o t.h5 -f --epochs 0
    case $f in
    *.onnx | *.keras) ;;
    *)
        has "$f: train --init: what is assumed" "$err" "fdht train: $assumes"
        ;;
    esac
    same "$f: train --init: its outputs are the file's" "$("$FDHT" infer m.h5 data.h5 --format tsv | cut -f 1,2)" \
        "$("$FDHT" infer t.h5 data.h5 --format tsv | cut -f 1,2)"
done

lacks "$cases/torch_prefixes.pt" || json "what a checkpoint puts before the names is left out" '[.layers[0].name, .head]' '["lstm","fc"]'

# what is none of them
cp "$cases/torch_state.safetensors" model.bin
works "a kind is known by its content" "$FDHT" compress model.bin -o n.h5 -f --format tt --rank 1000 -q
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n' > lfs.safetensors
for c in "info" "compress --rank 2 -o x.h5 -f" "train $TOP/tests/data/bars.h5 -o x.h5 -f --init"; do
    fails "$c: Git LFS pointer" 3 "fdht ${c%% *}: lfs.safetensors: a Git LFS pointer, not the file itself; fetch that with: git lfs pull" \
        "$FDHT" $c lfs.safetensors
done
for f in module:"an object of class torch.nn.modules.linear.Linear" script:"a TorchScript archive" old:"a PyTorch file of the kind before 1.6"; do
    cp "$arrays/${f%%:*}.pt" .
    lacks "${f%%:*}.pt" && continue
    run "$FDHT" compress "${f%%:*}.pt" --rank 2 -o x.h5
    same "${f%%:*}.pt: refused" 3 "$status"
    has "${f%%:*}.pt: named" "$err" "${f#*:}"
    has "${f%%:*}.pt: the line that saves it anew is whole" "$err" "'model.pt')"
done
# the HDF5 file inside a .keras is tried in a child process as any other
if ! lacks "$cases/torch_unpacked.keras" && $python -c 1 2> /dev/null; then
    $python - "$cases/torch_unpacked.keras" "$TOP/tests/data/hostile/weights-attr-overread.h5" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as source, zipfile.ZipFile('bad.keras', 'w') as z:
    for n in source.namelist():
        z.writestr(n, open(sys.argv[2], 'rb').read() if n.endswith('.h5') else source.read(n))
END
    run "$FDHT" info bad.keras
    same "damaged HDF5 in a .keras: refused" 3 "$status"
    has "damaged HDF5 in a .keras: named" "$err" "fdht info: bad.keras: model.weights.h5: damaged HDF5 file"
fi
head -c 900 "$cases/torch_state.safetensors" > cut.safetensors
fails "cut" 3 "fdht compress: cut.safetensors: lstm.weight_hh_l0: data_offsets leave the 417 bytes behind the header" \
    "$FDHT" compress cut.safetensors --rank 2 -o x.h5
absent "nothing is left" x.h5
for f in torch_nan.safetensors:"/lstm.weight_hh_l0: the number at row 2, column 1 is not a number" \
    torch_inf.pt:"/model.lstm.weight_hh_l0: the number at row 2, column 1 is infinite"; do
    lacks "$cases/${f%%:*}" && continue
    run "$FDHT" compress "$cases/${f%%:*}" -o x.h5 --format tt --rank 1000
    same "${f%%:*}: refused" 3 "$status"
    same "${f%%:*}: named" "fdht compress: $cases/${f%%:*}: ${f#*:}" "$(tail -n 1 "$ERR")"
done
tap_end
