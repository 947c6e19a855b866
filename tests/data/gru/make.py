#!/usr/bin/python3
"""Make the GRU fixtures of this folder (Debian: python3-torch, python3-h5py).

torch_*.h5 are state dicts of torch.nn.GRU and a linear head, float32. expected.h5 has, for each of them, what torch computes
from the same numbers in double: for clips x (B, T, D) the outputs y (B, T, outputs), the last states h_n (cells, B, H), the
logits of the head on the last states, the mean cross-entropy loss for `labels`, and its gradients by state dict key and for x.
keras2.h5, keras2_bidir.h5 and keras3.weights.h5 hold the same layers in the layouts of Keras: kernel (D, 3H) and recurrent
kernel (H, 3H) with the gates z, r, h in columns, bias (2, 3H): input and recurrent bias of reset_after=True.
keras2_reset_before.h5 has the bias (3H) of reset_after=False, keras2_cudnn.h5 that of CuDNNGRU (6H).
"""
import json
import os

import h5py
import numpy as np
import torch

B, T, D, H, K = 3, 5, 6, 4, 3
here = os.path.dirname(os.path.abspath(__file__))
text = lambda *s: np.array([t.encode() for t in s])


def run(name, layers, bidirectional, bias, out):
    torch.manual_seed(sum(map(ord, name)))
    gru = torch.nn.GRU(D, H, layers, bias=bias, batch_first=True, bidirectional=bidirectional)
    fc = torch.nn.Linear(H * (2 if bidirectional else 1), K)
    state = {"gru." + k: v for k, v in gru.state_dict().items()}
    state.update({"fc." + k: v for k, v in fc.state_dict().items()})
    state = {k: v.numpy().copy() for k, v in state.items()}
    with h5py.File(os.path.join(here, name + ".h5"), "w") as f:
        for k, v in state.items():
            f[k] = v
    gru, fc = gru.double(), fc.double()
    x = torch.randn(B, T, D).float().double().requires_grad_()
    labels = torch.tensor([2, 0, 1])
    y, h_n = gru(x)
    last = torch.cat([h_n[-2], h_n[-1]], 1) if bidirectional else h_n[-1]
    logits = fc(last)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    g = out.create_group(name)
    for key, value in (("x", x), ("labels", labels), ("y", y), ("h_n", h_n), ("logits", logits), ("loss", loss)):
        g[key] = value.detach().numpy().reshape(-1) if value.dim() == 0 else value.detach().numpy()
    for prefix, module in (("gru.", gru), ("fc.", fc)):
        for k, v in module.named_parameters():
            g["grads/" + prefix + k] = v.grad.numpy()
    g["grads/x"] = x.grad.numpy()
    return state


def keras_arrays(state, suffix):
    zrh = lambda a: np.concatenate([a[H:2 * H], a[:H], a[2 * H:]])
    kernel = zrh(state["gru.weight_ih" + suffix]).T.copy()
    recurrent = zrh(state["gru.weight_hh" + suffix]).T.copy()
    bias = np.stack([zrh(state["gru.bias_ih" + suffix]), zrh(state["gru.bias_hh" + suffix])])
    return kernel, recurrent, bias


def layer_config(name, **more):
    config = dict(name=name, units=H, activation="tanh", recurrent_activation="sigmoid", use_bias=True, **more)
    return {"class_name": "GRU", "config": config}


def keras2(file, cells, layer, config, bias=None, head=None):
    """cells: (path below the layer, arrays)"""
    with h5py.File(os.path.join(here, file), "w") as f:
        names = [layer] + (["dense"] if head else [])
        f.attrs["layer_names"] = text(*names)
        f.attrs["backend"] = b"tensorflow"
        f.attrs["keras_version"] = b"2.11.0"
        if config:
            dense = {"class_name": "Dense", "config": {"name": "dense", "units": K, "activation": "softmax"}}
            layers = [config] + ([dense] if head else [])
            f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
        g = f.create_group(layer)
        weights = []
        for path, arrays in cells:
            for leaf, a in zip(("kernel:0", "recurrent_kernel:0", "bias:0"), arrays):
                g[path + "/" + leaf] = a
                weights.append(path + "/" + leaf)
        g.attrs["weight_names"] = text(*weights)
        if head:
            d = f.create_group("dense")
            d["dense/kernel:0"], d["dense/bias:0"] = head[0].T.copy(), head[1]
            d.attrs["weight_names"] = text("dense/kernel:0", "dense/bias:0")


def keras3(file, arrays, head):
    with h5py.File(os.path.join(here, file), "w") as f:
        for i, a in enumerate(arrays):
            f["layers/gru/cell/vars/%d" % i] = a
        for i, a in enumerate((head[0].T.copy(), head[1])):
            f["layers/dense/vars/%d" % i] = a


with h5py.File(os.path.join(here, "expected.h5"), "w") as out:
    one = run("torch_1layer", 1, False, True, out)
    two = run("torch_2layer_bidir", 2, True, True, out)
    run("torch_nobias", 1, False, False, out)
    both = run("torch_bidir", 1, True, True, out)
head = (one["fc.weight"], one["fc.bias"])
arrays = keras_arrays(one, "_l0")
keras2("keras2.h5", [("gru/gru_cell", arrays)], "gru", layer_config("gru", reset_after=True), head=head)
keras3("keras3.weights.h5", arrays, head)
sides = [("bidirectional/%s_gru/gru_cell" % s, keras_arrays(both, k))
         for s, k in (("forward", "_l0"), ("backward", "_l0_reverse"))]
keras2("keras2_bidir.h5", sides, "bidirectional", None, head=(both["fc.weight"], both["fc.bias"]))
keras2("keras2_reset_before.h5", [("gru/gru_cell", (arrays[0], arrays[1], arrays[2][0]))], "gru",
       layer_config("gru", reset_after=False))
keras2("keras2_cudnn.h5", [("cu_dnngru", (arrays[0], arrays[1], arrays[2].reshape(-1)))], "cu_dnngru", None)
