#!/usr/bin/python3
"""keras.py EXPORTED.h5 MODEL.h5 - runs a Sequential file of Keras 2 or 3 as its configuration says, on the clips of the group
/expected of MODEL.h5, and compares with what is expected there: an output kind's activation is undone first. Only numpy."""
import json
import sys
import h5py
import numpy as np
from chain import ACT, MERGE, sigmoid

POOL = {"GlobalAveragePooling1D": np.mean, "GlobalMaxPooling1D": np.max}


def run_lstm(weights, config, hard, x):
    kernel, recurrent, bias = weights
    if config["go_backwards"]:
        x = x[::-1]
    h = np.zeros(recurrent.shape[0])
    c, y = np.zeros_like(h), []
    gate, act = (ACT[hard if config[k] == "hard_sigmoid" else config[k]] for k in ("recurrent_activation", "activation"))
    for row in x:
        i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
        c = gate(f) * c + gate(i) * act(g)
        h = gate(o) * act(c)
        y.append(h)
    return np.array(y)


def layer(kind, config, w, hard, x):
    if kind == "Bidirectional":
        inner, sequences = config["layer"]["config"], config["layer"]["config"]["return_sequences"]
        merge = MERGE[{"ave": "average"}.get(config["merge_mode"], config["merge_mode"])]
        fore, back = run_lstm(w[:3], inner, hard, x), run_lstm(w[3:], inner, hard, x[::-1])
        return merge(fore, back[::-1]) if sequences else merge(fore[-1], back[-1])
    if kind == "LSTM":
        y = run_lstm(w, config, hard, x)
        return y if config["return_sequences"] else y[-1]
    if kind == "BatchNormalization":
        gamma, beta, mean, variance = w
        return (x - mean) / np.sqrt(variance + config["epsilon"]) * gamma + beta
    if kind == "LayerNormalization":
        d = x - x.mean(axis=-1, keepdims=True)
        return d / np.sqrt((d ** 2).mean(axis=-1, keepdims=True) + config["epsilon"]) * w[0] + w[1]
    if kind == "RepeatVector":
        return np.repeat(x[None], config["n"], axis=0)
    if kind in POOL:
        return POOL[kind](x, axis=0)
    if kind == "Dense":
        x = x @ w[0] + (w[1] if config["use_bias"] else 0)
    name = config["activation"]
    return ACT[hard if name == "hard_sigmoid" else name](x)


def main(exported, model):
    with h5py.File(exported) as f, h5py.File(model) as m:
        output = m.attrs["output"].decode()
        hard = "hard_sigmoid3" if bytes(f.attrs["keras_version"]).startswith(b"3") else "hard_sigmoid"
        layers = json.loads(f.attrs["model_config"])["config"]["layers"]
        names = [n.decode() for n in f["model_weights"].attrs["layer_names"]]
        assert names == [l["config"]["name"] for l in layers], names
        e, at, row = m["expected"], 0, 0
        for n in e["length"]:
            x = e["x"][at:at + n].astype(np.float64)
            for l in layers:
                g = f["model_weights"][l["config"]["name"]]
                w = [g[k.decode()][()].astype(np.float64) for k in g.attrs["weight_names"]]
                x = layer(l["class_name"], l["config"], w, hard, x)
            want = np.atleast_2d(x)
            y = e["y"][row:row + len(want)]
            y = {"sigmoid": sigmoid, "softmax": ACT["softmax"], "linear": lambda v: v}[output](y)
            assert y.shape == want.shape and np.abs(y - want).max() < 1e-5, (want, y)
            at, row = at + n, row + len(want)


if __name__ == "__main__":
    main(*sys.argv[1:])
