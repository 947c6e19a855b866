#!/usr/bin/python3
"""Writes the model files of this folder and what they compute, with numpy and h5py alone.

Each file is a model of version 1.1 (man 5 fdht-model). Its group /expected holds clips one after the other: length
(clips), x (sum of length, inputs), y (rows, width) in double, one row a clip or one a step. Only this program knows the
chain: the layers are written down here as their definitions (Keras' documentation) say, without any of the library's code.
"""
import os
import sys
import h5py
import numpy as np

rng = np.random.default_rng(2022)
erf = np.vectorize(__import__("math").erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACT = {
    "sigmoid": sigmoid,
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid3": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
    "softmax": softmax,
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "softsign": lambda x: x / (1 + np.abs(x)),
}


def numbers(*shape):
    return rng.normal(0, 0.6, shape).astype(np.float32)


def run_lstm(p, x):
    """Outputs of a layer over x (T, D), in the order of x."""
    h = np.zeros(p["hidden"].shape[1])
    c = np.zeros_like(h)
    y = []
    for row in x:
        a = p["core"] @ row + p["hidden"] @ h + p["bias"]
        i, f, g, o = np.split(a, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        y.append(h)
    return np.array(y)


MERGE = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "average": lambda a, b: (a + b) / 2,
    "mul": lambda a, b: a * b,
}


def run(links, x):
    """x (T, D) through all links; a vector comes back as (1, D)."""
    final = None  # what pool last takes right after two directions
    x = x.astype(np.float64)
    for l in links:
        kind, after = l["kind"], None
        if kind == "lstm" and l["directions"] == 2:
            fore, back = run_lstm(l["cells"][0], x), run_lstm(l["cells"][1], x[::-1])
            x = MERGE[l["merge"]](fore, back[::-1])
            after = MERGE[l["merge"]](fore[-1], back[-1])
        elif kind == "lstm":
            x = run_lstm(l["cells"][0], x[::-1] if l["reversed"] else x)
        elif kind == "norm":
            x = x * l["scale"] + l["shift"]
        elif kind == "layer_norm":
            d = x - x.mean(axis=-1, keepdims=True)
            x = d / np.sqrt((d ** 2).mean(axis=-1, keepdims=True) + l["epsilon"]) * l["scale"] + l["shift"]
        elif kind == "dense":
            x = ACT[l["activation"]](x @ l["weight"].T.astype(np.float64) + l.get("b", 0))
        elif kind == "activation":
            x = ACT[l["activation"]](x)
        elif kind == "repeat":
            x = np.repeat(x, l["steps"], axis=0)
        elif l["pool"] == "last":
            x = (x[-1] if final is None else final)[None]
        elif l["pool"] == "mean":
            x = x.mean(axis=0)[None]
        elif l["pool"] == "max":
            x = x.max(axis=0)[None]
        final = after
    return x


def text(group, name, value):
    group.attrs[name] = np.bytes_(value)


def put(file, path, value):
    file.create_dataset(path, data=np.asarray(value, np.float32), fletcher32=True, chunks=True)


def write_cell(file, number, layer, direction, p):
    core, hidden = p["core"], p["hidden"]
    put(file, f"cells/{number}/cores/weight", core)
    put(file, f"cells/{number}/bias", p["bias"])
    put(file, f"cells/{number}/hidden", hidden)
    g = file[f"cells/{number}"]
    for name, value in (("cell", "dense"), ("format", "dense"), ("tree", ""), ("activation", "sigmoid"),
                        ("direction", "reverse" if direction else "forward")):
        text(g, name, value)
    for name, value in (("layer", layer), ("inputs", core.shape[1]), ("hidden_size", hidden.shape[1]), ("proj_size", 0),
                        ("bias", 1), ("blocks", 1)):
        g.attrs[name] = np.int64(value)
    g.attrs["in_modes"] = np.array([core.shape[1]], np.int64)
    g.attrs["out_modes"] = np.array([core.shape[0]], np.int64)


def write_root(file, links, inputs, width, output):
    layers = [l for l in links if l["kind"] == "lstm"]
    for name, value in (("format", "fdht-model"), ("version", "1.1"), ("creator", "chain.py"), ("gates", "ifgo"),
                        ("pool", "chain"), ("output", output), ("frame_sample", "even"), ("cell", "dense"), ("tree", "")):
        text(file, name, value)
    for name, value in (("layers", len(layers)), ("directions", max(l["directions"] for l in layers)),
                        ("n_classes", width), ("links", len(links)), ("frame_channels", 0), ("frame_diff", 0),
                        ("frame_gray", 0), ("frame_resize", 0), ("frame_frames", 0)):
        file.attrs[name] = np.int64(value)
    file.attrs["frame_size"] = np.array([0, 0], np.int64)
    file.attrs["frame_mean"], file.attrs["frame_std"] = 0.0, 1.0


def write(folder, name, output, inputs, links):
    width, cells = inputs, 0
    with h5py.File(os.path.join(folder, name + ".h5"), "w", libver="v110") as file:
        layer = 0
        for k, l in enumerate(links):
            g = file.require_group(f"chain/{k}")
            l["inputs"] = width
            if l["kind"] == "lstm":
                l.setdefault("merge", "concat")
                l.setdefault("reversed", 0)
                h = l.pop("hidden")
                l["cells"] = []
                for d in range(l["directions"]):
                    p = {"core": numbers(4 * h, width), "hidden": numbers(4 * h, h), "bias": numbers(4 * h)}
                    l["cells"].append(p)
                    write_cell(file, cells + d, layer, d, p)
                width = 2 * h if l["directions"] == 2 and l["merge"] == "concat" else h
                for key in ("directions", "reversed"):
                    g.attrs[key] = np.int64(l[key])
                g.attrs["cell"] = np.int64(cells)
                text(g, "merge", l["merge"])
                cells += l["directions"]
                layer += 1
            elif l["kind"] in ("norm", "layer_norm"):
                l["scale"], l["shift"] = numbers(width) + 1, numbers(width)
                put(file, f"chain/{k}/scale", l["scale"])
                put(file, f"chain/{k}/shift", l["shift"])
            elif l["kind"] == "dense":
                l["weight"] = numbers(l["outputs"], width)
                put(file, f"chain/{k}/weight", l["weight"])
                if l["bias"]:
                    l["b"] = numbers(l["outputs"])
                    put(file, f"chain/{k}/bias", l["b"])
                g.attrs["bias"] = np.int64(l["bias"])
                width = l["outputs"]
            if l["kind"] == "layer_norm":
                g.attrs["epsilon"] = float(l["epsilon"])
            if "activation" in l:
                text(g, "activation", l["activation"])
            if "pool" in l:
                text(g, "pool", l["pool"])
            if "steps" in l:
                g.attrs["steps"] = np.int64(l["steps"])
            text(g, "kind", l["kind"])
            text(g, "name", f"{name}_{k}")
            g.attrs["inputs"], g.attrs["outputs"] = np.int64(l["inputs"]), np.int64(width)
        write_root(file, links, inputs, width, output)
        length = np.array([4, 1, 6, 3], np.int64)
        x = numbers(int(length.sum()), inputs) * 2
        y, at = [], 0
        for n in length:
            y.append(run(links, x[at:at + n]))
            at += n
        file["expected/length"], file["expected/x"], file["expected/y"] = length, x, np.concatenate(y)
    if name in ("tagger", "max_pool", "backwards", "merge_sum"):
        with h5py.File(os.path.join(folder, name + ".x.h5"), "w") as clips:
            for i, n in enumerate(length):
                at = int(length[:i].sum())
                clips[f"clip{i}"] = x[at:at + n]
                clips[f"clip{i}"].attrs["label"] = np.int64(i % 2)


def lstm(hidden, directions=1, **more):
    return dict(kind="lstm", hidden=hidden, directions=directions, **more)


def dense(outputs, activation="linear", bias=1):
    return dict(kind="dense", outputs=outputs, activation=activation, bias=bias)


def act(name):
    return dict(kind="activation", activation=name)


def pool(name):
    return dict(kind="pool", pool=name)


def main(folder):
    norm, layer_norm = (lambda: dict(kind="norm")), (lambda: dict(kind="layer_norm", epsilon=1e-3))
    write(folder, "tagger", "sigmoid", 5,
          [norm(), lstm(3, 2), layer_norm(), dense(4, "softsign"), pool("each"), dense(2)])
    for merge in MERGE:
        write(folder, "merge_" + merge, "softmax", 4,
              [lstm(3, 2, merge=merge), act("elu"), lstm(4, 2, merge=merge), pool("last"), act("hard_sigmoid3"), dense(3)])
    write(folder, "max_pool", "linear", 6,
          [dense(5, "relu"), lstm(4), norm(), dense(5, "gelu"), pool("max"), dense(4, "softmax", 0), dense(1)])
    write(folder, "autoencoder", "linear", 3,
          [lstm(5), lstm(2), pool("last"), dict(kind="repeat", steps=4), lstm(2), lstm(5, 2, merge="sum"), dense(3)])
    write(folder, "backwards", "sigmoid", 3,
          [lstm(4, reversed=1), act("tanh"), pool("mean"), layer_norm(), act("hard_sigmoid"), dense(1)])
    write(folder, "states", "linear", 3, [lstm(4), lstm(3, reversed=1), pool("each")])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
