#!/usr/bin/env python3
"""onnx_lstm.py MODEL.onnx PREFIX: the LSTM nodes of an ONNX file as HDF5, one file for each (sub)graph that holds some.

Writes PREFIX0.h5, PREFIX1.h5, .. with a group l0, l1, .. for each node in graph order, holding its inputs W, R and B as they
are (gates i,o,f,c), and prints their names. Graphs whose LSTMs repeat another's numbers are left out. Protobuf is
read by hand; weights may be initializers, constants, or built from those by Concat, Slice, Unsqueeze and Identity, as
PyTorch's exporter does. Needs numpy and h5py.
"""
import struct
import sys

import h5py
import numpy as np

DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}


def fields(buf):
    """(number, value) of each field of a protobuf message; value is an int or bytes."""
    i = 0

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = buf[i]
            i += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while i < len(buf):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        else:
            size = varint() if kind == 2 else {1: 8, 5: 4}[kind]
            yield key >> 3, buf[i:i + size]
            i += size


def every(buf, number):
    return [value for n, value in fields(buf) if n == number]


def text(buf, number):
    return (every(buf, number) or [b""])[0].decode()


def ints(buf, number):
    """A repeated int64, packed or not."""
    out = []
    for value in every(buf, number):
        if isinstance(value, int):
            out.append(value)
        else:
            i = 0
            while i < len(value):
                v = shift = 0
                while True:
                    byte = value[i]
                    i += 1
                    v |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                out.append(v)
    return [v - (1 << 64) if v >> 63 else v for v in out]


def tensor(buf):
    """TensorProto -> array; None for types that are not numbers."""
    shape, kind, raw = ints(buf, 1), (every(buf, 2) or [0])[0], every(buf, 9)
    if kind not in DTYPES:
        return None
    if raw:
        return np.frombuffer(raw[0], DTYPES[kind]).reshape(shape)
    if kind == 7:
        return np.array(ints(buf, 7), "<i8").reshape(shape)
    data = b"".join(v if isinstance(v, bytes) else struct.pack("<i", v) for v in every(buf, 4))
    return np.frombuffer(data, "<f4").reshape(shape) if kind == 1 else None


def attributes(node):
    return {text(a, 1): a for a in every(node, 5)}


def evaluate(op, inputs, attrs):
    """The few operators that weights go through; None if an input is not constant or the operator is another."""
    if any(x is None for x in inputs):
        return None
    if op == "Identity":
        return inputs[0]
    if op == "Concat":
        return np.concatenate(inputs, ints(attrs["axis"], 3)[0])
    if op == "Unsqueeze":
        axes = inputs[1].tolist() if len(inputs) > 1 else ints(attrs["axes"], 8)
        out = inputs[0]
        for axis in sorted(axes):
            out = np.expand_dims(out, axis)
        return out
    if op == "Slice" and len(inputs) > 1:
        starts, ends = inputs[1].tolist(), inputs[2].tolist()
        axes = inputs[3].tolist() if len(inputs) > 3 else range(len(starts))
        steps = inputs[4].tolist() if len(inputs) > 4 else [1] * len(starts)
        cut = [slice(None)] * inputs[0].ndim
        for axis, a, b, step in zip(axes, starts, ends, steps):
            cut[axis] = slice(a, b, step)
        return inputs[0][tuple(cut)]
    return None


def walk(graph, outer, found):
    """Collect [W, R, B] of the LSTM nodes of each graph; names of outer graphs are visible in inner ones."""
    values = dict(outer)
    for t in every(graph, 5):
        values[text(t, 8)] = tensor(t)
    here = []
    for node in every(graph, 1):
        op, attrs = text(node, 4), attributes(node)
        names = [v.decode() for v in every(node, 1)]
        inputs = [values.get(n) for n in names]
        outputs = [v.decode() for v in every(node, 2)]
        if op == "Constant" and "value" in attrs:
            values[outputs[0]] = tensor(every(attrs["value"], 5)[0])
        elif op == "LSTM" and len(inputs) >= 4 and all(x is not None for x in inputs[1:4]):
            here.append(inputs[1:4])
        elif op in ("Identity", "Concat", "Unsqueeze", "Slice"):
            values[outputs[0]] = evaluate(op, inputs, attrs)
        for a in attrs.values():
            for sub in every(a, 6):
                walk(sub, values, found)
    if here:
        found.append(here)


def main():
    with open(sys.argv[1], "rb") as f:
        model = f.read()
    found, seen, count = [], set(), 0
    walk(every(model, 7)[0], {}, found)
    for nodes in found:
        key = b"".join(a.tobytes() for node in nodes for a in node)
        if key in seen:
            continue
        seen.add(key)
        name = f"{sys.argv[2]}{count}.h5"
        with h5py.File(name, "w") as f:
            for k, node in enumerate(nodes):
                for letter, a in zip("WRB", node):
                    f[f"l{k}/{letter}"] = a
        print(name)
        count += 1


main()
