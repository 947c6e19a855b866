#!/bin/bash
# examples/: each builds from the build tree's headers and library without a warning and does what the command does;
# fewer than sixty lines each. install.sh builds them again with pkg-config's flags.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data/bars.h5 weights=$TOP/tests/data/lstm/torch_1layer.h5
for e in "$TOP"/examples/*.c; do
    name=$(basename "$e" .c)
    works "$name builds" ${CC:-cc} -std=c11 -Wall -Wextra -Wshadow -Wpedantic -Werror -I"$TOP/lib" -I"$TOP/formats" ${SAN:-} \
        "$e" -L"$BUILD" -lfdht -Wl,-rpath,"$BUILD" -o "$name"
    [ "$(wc -l < "$e")" -lt 60 ] && pass "$name: under sixty lines" || fail "$name: under sixty lines" "$(wc -l < "$e")"
    run "./$name"
    same "$name: usage" "2 usage: $name" "$status ${err%% [A-Z]*}"
done

works "train" ./train "$data" m.h5
same "train: forty epochs" 40 "$(grep -c '^epoch' "$OUT")"
same "train: accuracy" 1 "$(tail -n 1 "$OUT" | awk '{print ($NF > .8)}')"
fails "train: a model is not overwritten" 1 "train: m.h5: exists" ./train "$data" m.h5
run ./train missing.h5 n.h5
same "train: no such file" "1 train: missing.h5: No such file or directory" "$status $err"

works "label" ./label m.h5 "$data"
same "label: as infer says" "$("$FDHT" infer m.h5 "$data" --format tsv | tail -n +2 | cut -f 1,2)" "$(cut -f 1,2 "$OUT")"
"$FDHT" pack -q --resize 6x5 "$data" -o other.h5 > /dev/null
run ./label m.h5 other.h5 missing
same "label: clips that do not fit: status" 1 "$status"
has "label: clips that do not fit" "$err" "label: clip bar_00: 6x5x3, the model takes 8x8x3"
has "label: goes on" "$err" "label: clip missing: no such file or folder"

works "simulate" ./simulate m.h5 "$data"
has "simulate: time" "$out" "fdht: 5 steps, "
run ./simulate m.h5 other.h5
same "simulate: a clip that does not fit" "1 simulate: clip bar_00: 6x5x3, the model takes 8x8x3" "$status $err"

works "compress" ./compress "$weights" 0.3 c.h5
run "$FDHT" info c.h5 --json
json "compress: its cell" '.cell' '"fdht"'
"$FDHT" export c.h5 --layout pytorch -o back.h5 -q > /dev/null
if /usr/bin/python3 -c 'import h5py, numpy' 2> /dev/null; then
    works "compress: the error is below the tolerance, the rest as it was" /usr/bin/python3 - "$weights" back.h5 <<'END'
import sys, h5py, numpy as np
def read(path):
    found = {}
    def visit(name, x):
        if isinstance(x, h5py.Dataset): found[name.split('/')[-1].split('.')[-1]] = np.array(x, dtype=np.float64)
    h5py.File(path).visititems(visit)
    return found
a, b = read(sys.argv[1]), read(sys.argv[2])
w, v = (np.hstack([x['weight_ih_l0'], x['weight_hh_l0']]) for x in (a, b))
error = np.linalg.norm(w - v) / np.linalg.norm(w)
assert 0 < error <= 0.3, error
assert np.allclose(a['bias_ih_l0'] + a['bias_hh_l0'], b['bias_ih_l0'] + b['bias_hh_l0'], atol=1e-6)
END
else
    skip "compress: the error is below the tolerance" "no h5py here"
fi
works "compress: two directions" ./compress "$TOP/tests/data/lstm/torch_bidir.h5" 0.3 d.h5
run ./compress "$data" 0.3 e.h5
same "compress: clips are no weights: status" 1 "$status"
absent "compress: nothing is left" e.h5
tap_end
