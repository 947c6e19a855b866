#!/bin/bash
# examples/fdht_torch.py: a model file as a PyTorch module gives the logits of fdht infer, learns, and saves what it learned. Needs
# python3-torch and python3-h5py; skips by name without them.
. "$(dirname "$0")/lib.sh"
data=$TOP/tests/data
python=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TOP/examples OMP_NUM_THREADS=1

if ! $python -c 'import torch, h5py' 2> import.txt; then
    skip "PyTorch" "python3-torch and python3-h5py are not here"
    tap_end
    exit
fi
cat > same.py << 'SAME'
"""same.py MODEL.h5 DATA.h5 .. - each module against fdht infer, on a batch of the first four clips: a TAP-like line each."""
import json, subprocess, sys
import h5py, numpy as np, torch
from fdht_torch import FdhtModel
for model, data in zip(sys.argv[1::2], sys.argv[2::2]):
    said = subprocess.run(["fdht", "infer", model, data, "--logits", "-q"], check=True, stdout=subprocess.PIPE, text=True).stdout
    records = [json.loads(line) for line in said.splitlines()][:4]
    with h5py.File(data) as f:
        names = [n.decode() for n in f["names"][...]] if "names" in f else []
        clips = [f["frames"][names.index(r["clip"])] if names else f[r["clip"]][...] for r in records]
    with torch.no_grad():
        got = FdhtModel(model)(torch.from_numpy(np.stack(clips))).numpy()
    want = np.array([r.get("logits", r.get("state")) for r in records])
    worst = np.abs(got - want).max() / max(1, np.abs(want).max()) if got.shape == want.shape else np.inf
    print("same" if worst <= 1e-5 else "other", model, "%.2g" % worst)
SAME
pairs=()
equal() { # MODEL CLIPS ..: one process for all, PyTorch starts slowly
    run $python same.py "$@"
    same "modules run: status" 0 "$status"
    same "a line a model" $(($# / 2)) "$(wc -l < "$OUT")"
    while read -r verdict model off; do
        [ "$verdict" = same ] && pass "$model: the module gives $off off" || fail "$model: the module gives $off off" "$err"
    done < "$OUT"
}
$python - << 'CLIPS'
import h5py, numpy as np
rng = np.random.default_rng(3)
for n in range(3, 13):
    with h5py.File("x%d.h5" % n, "w") as f:
        for k in range(3):
            f["clip%d" % k] = rng.normal(size=(4, n)).astype("f4")
CLIPS
for cell in fdht ht tt tr bt dense; do
    for more in "--out-modes 8,4,1" "--out-modes 8,2,2 --diff --pool mean" "--out-modes 8,4,1 --mean 90,20,130 --std 40,50,60"; do
        modes="--in-modes 8,8,3 --rank 3 $more"
        [ $cell = dense ] && modes=${more#--out-modes ?,?,?}
        model=$cell${more#--out-modes ?,?,?} model=${model// /}.h5
        run fdht train -q "$data/bars.h5" -o "$model" -f --cell $cell --hidden 8 $modes --epochs 1 --seed 5
        same "$cell $more: train" 0 "$status"
        pairs+=("$model" "$data/bars.h5")
    done
done
for weights in torch_2layer torch_bidir torch_proj keras2_model_hard_sigmoid; do
    for format in fdht tr; do
        run fdht compress -q "$data/lstm/$weights.h5" -o $weights-$format.h5 -f --format $format --tol 0.3
        same "$weights as $format: compress" 0 "$status"
        pairs+=($weights-$format.h5 "x$(fdht info --json $weights-$format.h5 | jq .input_size).h5")
    done
done
equal "${pairs[@]}"

# It learns: every parameter gets a gradient, a few steps of Adam lower the loss, fdht runs what was saved.
cat > learn.py << 'LEARN'
import sys
import h5py, torch
from fdht_torch import FdhtModel
model = FdhtModel("fdht.h5")
with h5py.File(sys.argv[1]) as f:
    x, y = torch.from_numpy(f["frames"][:30]), torch.from_numpy(f["labels"][:30]).long()
adam = torch.optim.Adam(model.parameters(), 0.01)
losses = []
for step in range(20):
    adam.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in model.parameters()), "a parameter without gradient"
    adam.step()
    losses.append(loss.item())
assert losses[-1] < 0.8 * losses[0], losses
model.save("learned.h5")
LEARN
works "learn" $python learn.py "$data/bars.h5"
equal learned.h5 "$data/bars.h5"
cmp -s fdht.h5 learned.h5 && fail "it is another model" || pass "it is another model"
works "as a program" $python "$TOP/examples/fdht_torch.py" fdht.h5 "$data/bars.h5"
same "a line a clip" 90 "$(grep -c '"logits": \[' "$OUT")"
run $python -c 'import sys; from fdht_torch import FdhtModel; FdhtModel(sys.argv[1])' "$data/chain/tagger.h5"
has "a chain is refused" "$err" "known here"
tap_end
