"""same.py MODEL.h5 CLIPS.h5 LAYOUT - export the model, run the graph by ONNX Runtime on each clip, compare its first output with
`fdht infer --logits`: prints the largest difference and exits with 1 where it is above 1e-5 (relative to the largest number, where that
is above 1). CLIPS.h5 holds a data set (frames, ..) for
each clip, or all in frames and names; four clips are compared. With onnx (Debian: python3-onnx) the graph is checked, too."""
import json
import os
import subprocess
import sys

import h5py
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
model, data, layout = sys.argv[1:4]
graph = "same.onnx"
subprocess.run(["fdht", "export", model, "-o", graph, "-f", "-q", "--layout", layout], check=True)
try:
    import onnx

    onnx.checker.check_model(graph, full_check=True)
except ImportError:
    pass
said = subprocess.run(["fdht", "infer", model, data, "--logits", "--steps", "-q"], check=True, stdout=subprocess.PIPE, text=True).stdout
wanted, files = [], []
with h5py.File(data) as f:
    names = [n.decode() for n in f["names"][...]] if "names" in f else []
    for k, record in enumerate(list(map(json.loads, said.splitlines()))[:4]):
        clip = f["frames"][names.index(record["clip"])] if names else f[record["clip"]][...]
        x = np.stack([clip, clip[::-1]]).astype("f4")  # a batch of two, the other one backwards
        x.tofile("same%d.f32" % k)
        files.append("same%d.f32:%s" % (k, ",".join(map(str, x.shape))))
        rows = record.get("steps", [record])
        key = next(k for k in ("logits", "values", "state") if k in rows[0])
        wanted.append(np.array([r[key] for r in rows], "f8").ravel())
done = subprocess.run(["node", os.path.join(here, "ort.js"), graph, *files], check=True, stdout=subprocess.PIPE, text=True)
worst = 0.0
for line, want in zip(done.stdout.splitlines(), wanted, strict=True):
    got = np.array(json.loads(line), "f8").reshape(2, -1)[0]
    assert got.shape == want.shape, (got.shape, want.shape)
    worst = max(worst, np.abs(got - want).max() / max(1.0, np.abs(want).max()))
print("%.2g" % worst)
sys.exit(not worst <= 1e-5)
