"""fdht_torch.py - a model file of fdht as a PyTorch module: h5py, einsum, nothing of fdht's. It can be trained.

    model = FdhtModel("model.h5")
    logits = model(frames)      # (batch, frames, height, width, channels), pixel values 0..255; or (batch, frames, features)
    model.save("trained.h5")    # the model file with the values as they are now

Cells: fdht, ht, tt, tr, bt and dense; LSTM, one or two directions joined end to end, projections, any layers; last state or mean over
time; a dense head. Other models are refused by name (their chain has other links: `fdht info` shows them).
Run as a program, it prints the logits of the clips of a data set, which are those of `fdht infer --logits`:

    python3 fdht_torch.py MODEL.h5 DATA.h5
"""
import json
import shutil
import sys

import h5py
import torch
from torch import nn
from torch.nn import functional

ACTIVATIONS = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "linear": lambda x: x,
    "hard_sigmoid": lambda x: torch.clamp(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid3": lambda x: torch.clamp(x / 6 + 0.5, 0, 1),
}


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def numbers(value):
    return [int(v) for v in value]


def bonds_of_tree(tree):
    """((1,2),(3,4)) -> {(1, 2): ((1,), (2,)), ..}: the sets of modes of each node's children, keyed by its own."""
    children = {}

    def walk(node):
        if isinstance(node, int):
            return (node,)
        left, right = map(walk, node)
        both = tuple(sorted(left + right))
        children[both] = (left, right)
        return both

    walk(json.loads(tree.replace("(", "[").replace(")", "]")))
    return children


def legs_of(name, d, tree):
    """The legs of a core by its name: ("m", k) and ("n", k) are output and input modes, ("r", ..) bonds."""
    if name == "weight":
        return [("m", k) for k in range(1, d + 1)] + [("n", k) for k in range(1, d + 1)]
    kind, *rest = name.split("_")
    if kind == "leaf":
        k = int(rest[0])
        return [("r", (k,)), ("m", k), ("n", k)]
    if kind in ("inner", "root"):
        node = tuple(map(int, rest)) or tuple(range(1, d + 1))
        left, right = tree[node]
        return [("r", node)][: len(rest)] + [("r", left), ("r", right)]
    if kind == "core":
        k = int(rest[0])
        return [("r", k - 1), ("m", k), ("n", k), ("r", k % d)]
    if rest[1] == "core":
        return [("r", k) for k in range(1, d + 1)]
    k = int(rest[2])
    return [("r", k), ("m", k), ("n", k)]


def einsum(x, legs, core, core_legs):
    """The product of x (rows, legs..) and a core, over the legs that both have."""
    number = {leg: i + 1 for i, leg in enumerate(dict.fromkeys(legs + core_legs))}
    out = [leg for leg in legs if leg not in core_legs] + [leg for leg in core_legs if leg not in legs]
    of = lambda some: [number[leg] for leg in some]
    return torch.einsum(x, [0] + of(legs), core, of(core_legs), [0] + of(out)), out


class Cell(nn.Module):
    """One layer in one direction."""

    def __init__(self, group):
        super().__init__()
        a = group.attrs
        self.path = group.name
        self.kind, self.units = text(a["cell"]), int(a["hidden_size"])
        if text(a.get("recurrent", "lstm")) != "lstm":
            raise ValueError("%s: a %s cell, LSTM cells alone are known here" % (group.name, text(a["recurrent"])))
        self.state = int(a["proj_size"]) or self.units
        self.modes, self.out_modes = numbers(a["in_modes"]), numbers(a["out_modes"])
        self.gate, self.candidate, self.output = (ACTIVATIONS[text(a.get(key, usual))] for key, usual in
                                                  (("activation", "sigmoid"), ("candidate", "tanh"), ("output", "tanh")))
        fdht = self.kind == "fdht"
        self.x_box = (numbers(a["x_corner"]), numbers(a["x_size"])) if fdht else ([0] * len(self.modes), self.modes)
        self.h_box = (numbers(a["h_corner"]), numbers(a["h_size"])) if fdht else None
        tree = bonds_of_tree(text(a["tree"])) if text(a["format"]) == "ht" and len(self.modes) > 1 else {}
        self.cores = nn.ParameterDict({name: nn.Parameter(torch.from_numpy(v[...])) for name, v in group["cores"].items()})
        self.legs = {name: legs_of(name, len(self.modes), tree) for name in self.cores}
        for name in ("bias", "hidden", "projection"):
            self.register_parameter(name, nn.Parameter(torch.from_numpy(group[name][...])) if name in group else None)

    def arrays(self):
        """(path in the file, parameter) of all of the cell's arrays."""
        for name, value in self.named_parameters():
            yield self.path + "/" + name.replace(".", "/"), value

    def term(self, x, names, box):
        """x (rows, modes of the box..) times the cores of these names: the cheapest next one that touches x, again and again."""
        legs, names = [("n", k + 1) for k in range(len(self.modes))], list(names)
        while names:
            cores = {}
            for name in names:
                core, own = self.cores[name], list(self.legs[name])
                for axis, leg in enumerate(own):
                    if leg[0] == "n":  # the box's part of the mode: positions outside are never computed
                        core = core.narrow(axis, box[0][leg[1] - 1], box[1][leg[1] - 1])
                if len(set(own)) < len(own):  # a train of one core: its first bond is its last, of extent 1
                    core, own = core[0, ..., 0], own[1:-1]
                cores[name] = core, own
            size = dict(zip(legs, x.shape[1:]))

            def cost(name):
                core, own = cores[name]
                product = 1
                for leg, extent in {**size, **dict(zip(own, core.shape))}.items():
                    product *= extent
                return (not set(own) & set(legs), product)

            name = min(names, key=cost)
            names.remove(name)
            x, legs = einsum(x, legs, *cores[name])
        order = [legs.index(("m", k + 1)) + 1 for k in range(len(self.modes))]
        rest = [i + 1 for i, leg in enumerate(legs) if leg[0] != "m"]  # bonds of extent 1
        return x.permute(0, *order, *rest).reshape(x.shape[0], -1)

    def apply_map(self, x, box):
        """The operator on vectors (rows, n) in a box: (rows, 4 hidden)."""
        positions = 1
        for n in box[1]:
            positions *= n
        x = functional.pad(x, (0, positions - x.shape[1])).view(-1, *box[1])
        blocks = sorted({name.split("_")[1] for name in self.cores}) if self.kind == "bt" else [None]
        y = sum(self.term(x, [n for n in self.cores if b is None or n.split("_")[1] == b], box) for b in blocks)
        return y.view(y.shape[0], 4, -1)[:, :, : self.units].reshape(y.shape[0], -1)

    def forward(self, x):
        """(batch, steps, inputs) to the states h (batch, steps, P)."""
        batch, steps = x.shape[:2]
        a = self.apply_map(x.reshape(batch * steps, -1), self.x_box).view(batch, steps, -1)
        if self.bias is not None:
            a = a + self.bias
        h, c, states = x.new_zeros(batch, self.state), x.new_zeros(batch, self.units), []
        for t in range(steps):
            u = self.apply_map(h, self.h_box) if self.h_box else h @ self.hidden.T
            i, f, g, o = (a[:, t] + u).chunk(4, 1)
            c = self.gate(f) * c + self.gate(i) * self.candidate(g)
            h = self.gate(o) * self.output(c)
            if self.projection is not None:
                h = h @ self.projection.T
            states.append(h)
        return torch.stack(states, 1)


class FdhtModel(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.path = path
        with h5py.File(path, "r") as f:
            a = f.attrs
            if text(a.get("format", "")) != "fdht-model":
                raise ValueError("%s: no model file of fdht" % path)
            if "chain" in f:
                raise ValueError("%s: a chain of %d links; layers, a pool and one dense head are known here" % (path, len(f["chain"])))
            self.layers, self.directions, self.pool = int(a["layers"]), int(a["directions"]), text(a["pool"])
            self.width = int(a["frame_size"][0])
            self.mean, self.std, self.diff = float(a["frame_mean"]), float(a["frame_std"]), bool(a["frame_diff"])
            self.channels = None  # a mean and a deviation for each channel
            if "frame_channel_std" in a:
                self.channels = [torch.tensor(a["frame_channel_" + k], dtype=torch.float32) for k in ("mean", "std")]
                self.mean, self.std = 0.0, 1.0
            self.classes = [text(c) for c in a["classes"]] if "classes" in a else None
            self.cells = nn.ModuleList(Cell(f["cells/%d" % k]) for k in range(self.layers * self.directions))
            self.head = None
            if "classifier" in f:
                weight = torch.from_numpy(f["classifier/weight"][...])
                self.head = nn.Linear(weight.shape[1], weight.shape[0])
                with torch.no_grad():
                    self.head.weight.copy_(weight)
                    self.head.bias.copy_(torch.from_numpy(f["classifier/bias"][...]))

    def forward(self, x):
        x = x.float()
        if x.dim() > 3:
            x = x.flatten(2)
        if self.channels is not None:
            mean, std = self.channels
            per = x.unflatten(2, (-1, len(std)))
            x = ((per if self.diff else per - mean) / std).flatten(2)
        if self.diff:
            x = torch.cat([torch.zeros_like(x[:, :1]), x[:, 1:] - x[:, :-1]], 1)
        elif self.width:
            x = x - self.mean
        if self.width:
            x = x / self.std
        for layer in range(self.layers):
            forward, *backward = self.cells[layer * self.directions : (layer + 1) * self.directions]
            last = x = forward(x) if not backward else torch.cat([forward(x), backward[0](x.flip(1)).flip(1)], 2)
        if self.pool == "mean":
            x = last.mean(1)
        else:  # the state in which each direction ends
            n = self.cells[-self.directions].state
            x = torch.cat([last[:, -1, :n], last[:, 0, n:]], 1)
        return self.head(x) if self.head is not None else x

    def save(self, path):
        """A copy of the model file with the parameters as they are now."""
        shutil.copyfile(self.path, path)
        with h5py.File(path, "r+") as f, torch.no_grad():
            for cell in self.cells:
                for name, value in cell.arrays():
                    f[name][...] = value.numpy()
            if self.head is not None:
                f["classifier/weight"][...] = self.head.weight.numpy()
                f["classifier/bias"][...] = self.head.bias.numpy()


def main():
    model = FdhtModel(sys.argv[1])
    with h5py.File(sys.argv[2], "r") as f, torch.no_grad():
        for name, clip in zip(f["names"], f["frames"]):
            logits = model(torch.from_numpy(clip[None]))[0]
            print(json.dumps({"clip": text(name), "logits": logits.tolist()}))


if __name__ == "__main__":
    main()
