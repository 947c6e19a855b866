#!/usr/bin/python3
"""Makes the files in this folder with NumPy, PyTorch and ONNX; safetensors by hand, as its format says.

python3-numpy, python3-torch and python3-onnx of Debian. Every array holds values that its index gives, so that tests know them:
value [i, j, ..] of an array of extents (a, b, ..) is ((i * b + j) * .. ) - 5, times a half where the type has fractions.
"""
import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


def values(shape, dtype):
    n = int(np.prod(shape))
    v = np.arange(n).reshape(shape) - 5
    return (v * 0.5).astype(dtype) if np.dtype(dtype).kind == "f" else np.maximum(v, 0).astype(dtype) if np.dtype(dtype).kind == "u" else v.astype(dtype)


def safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (kind, shape, raw) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def bf16(a):
    return (a.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


safetensors("all.safetensors", {
    "lstm.weight_ih_l0": ("F32", (8, 3), values((8, 3), "<f4").tobytes()),
    "lstm.weight_hh_l0": ("F16", (8, 2), values((8, 2), "<f2").tobytes()),
    "lstm.bias_ih_l0": ("BF16", (8,), bf16(values((8,), "<f4"))),
    "cube": ("F64", (2, 3, 4), values((2, 3, 4), "<f8").tobytes()),
    "steps": ("I64", (), np.int64(-7).tobytes()),
    "mask": ("BOOL", (3,), bytes([0, 1, 1])),
    "none": ("F32", (0, 3), b""),
    "f8": ("F8_E4M3", (2,), b"\x38\x38"),
}, {"format": "pt", "note": "by hand"})

# NumPy: versions, orders, byte orders
np.save("little.npy", values((4, 3), "<f4"))
np.save("big_fortran.npy", np.asfortranarray(values((4, 3), ">f8")))
with open("version3.npy", "wb") as f:
    np.lib.format.write_array(f, values((5,), "<i2"), version=(3, 0))
with open("version2.npy", "wb") as f:
    np.lib.format.write_array(f, values((2, 2, 3), "<u1"), version=(2, 0))
np.savez("stored.npz", W=values((6, 4), "<f4"), b=values((6,), "<f2"), scalar=np.float64(2.5))
np.savez_compressed("deflated.npz", W=values((40, 30), "<f4"), F=np.asfortranarray(values((5, 4), "<f8")), i=values((7,), "<i4"))

# PyTorch: strides, offsets, shared storages, nested dictionaries, other types
base = torch.arange(24, dtype=torch.float32).reshape(4, 6) - 5
state = OrderedDict([
    ("lstm.weight_ih_l0", (base * 0.5)[:, :3].contiguous()),
    ("lstm.weight_hh_l0", base.t()),          # strides (1, 6)
    ("lstm.bias_ih_l0", base[2]),             # offset 12
    ("column", base[:, 4]),                   # stride 6
    ("half", (torch.arange(6).reshape(2, 3) - 5).to(torch.float16) * 0.5),
    ("brain", (torch.arange(6).reshape(2, 3) - 5).to(torch.bfloat16) * 0.5),
    ("param", torch.nn.Parameter(torch.full((2, 2), 1.5))),
    ("wide", torch.full((1, 1), 3.0).expand(2, 3)),
    ("count", torch.tensor(11)),
])
state._metadata = OrderedDict([("", {"version": 1})])
torch.save(state, "state.pt")
opt = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))])
opt.param_groups[0]["params"][0].grad = torch.ones(2)
opt.step()
torch.save({"epoch": 3, "best": np.float64(0.5), "model": {"state_dict": {"fc.weight": base[:2, :2].clone()}},
            "optimizer": opt.state_dict(), "list": [torch.tensor([4.0])], "big": 1 << 80, "size": base.size()}, "checkpoint.pt")
torch.save({"old.weight": base[:2, :2].clone()}, "old.pt", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(2, 1), "module.pt")


# TorchScript without the debug records, which are large
class Half(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.w * x


script = io.BytesIO()
torch.jit.save(torch.jit.script(Half()), script)
with zipfile.ZipFile(script) as whole, zipfile.ZipFile("script.pt", "w") as small:
    for name in whole.namelist():
        if "debug" not in name:
            small.writestr(name, whole.read(name))

# What must be refused, or at least not believed: pickles as torch.save frames them, made by hand
class Outside(tuple):
    """A persistent id."""


class Call:
    def __init__(self, function, *args):
        self.parts = function, args

    def __reduce__(self):
        return self.parts


class Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        return tuple(obj) if isinstance(obj, Outside) else None


def archive(path, obj, storage=bytes(16), order="little", protocol=2):
    text = io.BytesIO()
    Pickler(text, protocol).dump(obj)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("a/data.pkl", text.getvalue())
        z.writestr("a/byteorder", order)
        z.writestr("a/data/0", storage)


def four(key="0", n=4, offset=0, size=(4,), stride=(1,)):
    return Call(torch._utils._rebuild_tensor_v2, Outside(("storage", torch.FloatStorage, key, "cpu", n)), offset, size, stride, False,
                OrderedDict())


os.makedirs("refused", exist_ok=True)
archive("big.pt", {"w": four()}, struct.pack(">4f", 1, 2, 3, 4), "big")
archive("protocol5.pt", {"w": four()}, struct.pack("<4f", 1, 2, 3, 4), protocol=5)
archive("refused/offset.pt", {"w": four(offset=1)})
archive("refused/stride.pt", {"w": four(stride=(2,))})
archive("refused/huge.pt", {"w": four(size=(1 << 62, 1 << 62), stride=(0, 1 << 62))})
archive("refused/negative.pt", {"w": four(size=(-4,))})
archive("refused/axes.pt", {"w": four(size=(2, 2))})
archive("refused/short.pt", {"w": four(n=5)})
archive("refused/missing.pt", {"w": four(key="1")})
archive("refused/order.pt", {"w": four()}, order="middle")
archive("refused/system.pt", Call(os.system, "touch /tmp/executed"))
shared = [four()]
for _ in range(30):
    shared = [shared, shared]
archive("refused/shared.pt", shared)
deep = {"w": four()}
for _ in range(40):
    deep = {"d": deep}
archive("refused/deep.pt", deep)
cycle = {}
cycle["c"] = cycle
archive("refused/cycle.pt", cycle)
with zipfile.ZipFile("refused/opcode.pt", "w") as z:
    z.writestr("a/data.pkl", b"\x80\x02i__main__\nA\n.")
# A claim of 4 GB in a few bytes: the sizes in the archive's directory are changed by hand
bomb = io.BytesIO()
np.savez_compressed(bomb, W=values((40, 30), "<f4"))
bomb = bytearray(bomb.getvalue())
at = bomb.find(b"PK\1\2")
bomb[at + 24:at + 28] = struct.pack("<I", 0xF0000000)
with open("refused/bomb.npz", "wb") as f:
    f.write(bomb)


# Keras: the three members of a .keras file; the HDF5 is a stand-in
with zipfile.ZipFile("model.keras", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("metadata.json", json.dumps({"keras_version": "3.3.3"}))
    z.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": []}}))
    z.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(500))


# ONNX: one LSTM, numbers in every place they can stand
def tensor(name, kind, shape, raw=None, **lists):
    t = TensorProto(name=name, data_type=kind, dims=shape)
    if raw is not None:
        t.raw_data = raw
    for field, numbers in lists.items():
        getattr(t, field).extend(numbers)
    return t


W, R, B = values((1, 8, 3), "<f4"), values((1, 8, 2), "<f4"), values((1, 16), "<f4")
outside = tensor("outside", TensorProto.FLOAT, (2, 3))
outside.data_location = TensorProto.EXTERNAL
for key, value in (("location", "lstm.onnx.data"), ("offset", "8"), ("length", "24")):
    outside.external_data.add(key=key, value=value)
with open("lstm.onnx.data", "wb") as f:
    f.write(bytes(8) + values((2, 3), "<f4").tobytes() + bytes(4))
graph = helper.make_graph(
    [helper.make_node("LSTM", ["X", "W", "R", "B", "", "h0"], ["Y", "Y_h"], name="lstm_0", hidden_size=2, direction="forward",
                      activations=["Sigmoid", "Tanh", "Relu"], clip=2.5),
     helper.make_node("Constant", [], ["axes"], value=numpy_helper.from_array(np.array([0, 1], "<i8"))),
     helper.make_node("Squeeze", ["Y_h", "axes"], ["out"])],
    "net", [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["T", 1, 3])],
    [helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])],
    [numpy_helper.from_array(W, "W"), tensor("R", TensorProto.FLOAT, R.shape, float_data=R.ravel().tolist()),
     tensor("B", TensorProto.FLOAT, B.shape, raw=B.tobytes()),
     tensor("h0", TensorProto.FLOAT16, (1, 1, 2), int32_data=np.array([0.5, -1.5], "<f2").view("<u2").tolist()),
     tensor("bf", TensorProto.BFLOAT16, (2,), int32_data=(np.array([0.5, -1.5], "<f4").view("<u4") >> 16).tolist()),
     tensor("d", TensorProto.DOUBLE, (2,), double_data=[0.25, -4.0]),
     tensor("l", TensorProto.INT64, (2,), int64_data=[3, -3]),
     tensor("u", TensorProto.UINT8, (2,), int32_data=[3, 250]),
     tensor("u32", TensorProto.UINT32, (1,), uint64_data=[70000]),
     outside])
model = helper.make_model(graph, producer_name="make.py", opset_imports=[helper.make_opsetid("", 14)])
onnx.save(model, "lstm.onnx")
