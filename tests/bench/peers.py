"""peers.py - ms per frame of fdht beside PyTorch, ONNX Runtime and oneDNN, all in one run: `make bench-peers`.

The LSTM of the paper's shape: 57,600 inputs, 256 hidden, 6 frames a clip, 11 classes, one thread, float32. Contestants take
turns, round by round, so that a noisy machine is noisy for all of them; a peer that cannot be had is left out by name. fdht
starts from bytes, as a user's frames do; the peers are handed float32 that is ready. Weights are random.
The table goes to stdout (markdown) and to BUILD/peers/peers.csv."""
import csv
import json
import os
import shutil
import subprocess
import sys
import time

with open("/proc/cpuinfo") as f:
    cpuinfo = f.read()
for name in ("OPENBLAS", "OMP", "MKL"):
    os.environ[name + "_NUM_THREADS"] = "1"
# OpenBLAS falls back to SSE3 kernels on a CPU younger than itself: name the best core this CPU can run.
if "OPENBLAS_CORETYPE" not in os.environ:
    core = "SkylakeX" if " avx512f" in cpuinfo else "Haswell" if " avx2" in cpuinfo else ""
    if core:
        os.environ["OPENBLAS_CORETYPE"] = core

INPUTS, HIDDEN, FRAMES, CLASSES = 57600, 256, 6, 11
CASES = (("infer", 1), ("infer", 16), ("train", 16))
ROUNDS, SAMPLE_SECONDS, BUDGET_SECONDS = 7, 0.05, 200
BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
WORK = os.path.join(BUILD, "peers")
FDHT = os.environ.get("FDHT", "./fdht")
notes = []


def timed(call):
    """Seconds of one call, of as many as make a sample."""
    start, runs, past = time.perf_counter(), 0, 0.0
    while past < SAMPLE_SECONDS:
        call()
        runs += 1
        past = time.perf_counter() - start
    return past / runs


# ---- contestants: name, cases, sample(case) -> [ms per frame, ..] ----


class Fdht:
    """`fdht bench` itself, one process a round; its own warm-up round is not counted."""

    cases = CASES
    machine = None

    def __init__(self, preset):
        self.preset, self.name = preset, "fdht " + preset

    def round(self):
        args = [FDHT, "bench", "--preset", self.preset, "--no-dense", "--what", "infer,train", "--batch", "1,16",
                "--frames", str(FRAMES), "-r", "2", "--threads", "1", "--json", "--no-progress", "-q"]
        said = json.loads(subprocess.run(args, check=True, stdout=subprocess.PIPE).stdout)
        Fdht.machine = said["machine"]
        return {(r["what"], r["batch"]): r["samples_ms"] for r in said["results"] if (r["what"], r["batch"]) in CASES}


class Calls:
    """A contestant that is one function a case."""

    def __init__(self, name, calls):
        self.name, self.calls, self.cases = name, calls, tuple(calls)
        for call in calls.values():
            call()

    def round(self):
        return {case: [1e3 * timed(call) / (case[1] * FRAMES)] for case, call in self.calls.items()}


class Worker:
    """A process that answers each line "BATCH" with the seconds of one call."""

    def __init__(self, name, args, cases, **kw):
        self.name, self.cases = name, cases
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **kw)
        self.version = self.process.stdout.readline().strip()
        if not self.version:
            raise RuntimeError("did not start")
        self.round()

    def round(self):
        out = {}
        for case in self.cases:
            self.process.stdin.write("%d\n" % case[1])
            self.process.stdin.flush()
            said = self.process.stdout.readline()
            if not said:
                raise RuntimeError("it ended")
            out[case] = [1e3 * float(said) / (case[1] * FRAMES)]
        return out


# ---- PyTorch: the dense LSTM, and LSTMs with the input map in HT and TT form ----


def torch_contestants():
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)

    def weight(*shape):
        return nn.Parameter(0.3 * torch.randn(*shape))

    class Ht(nn.Module):
        """8,20,20,18 -> 4,4,4,16 (all four gates), ranks 4, balanced tree; the order with the fewest operations."""

        def __init__(self):
            super().__init__()
            self.u1, self.u2, self.u3, self.u4 = weight(8, 4, 4), weight(20, 4, 4), weight(20, 4, 4), weight(18, 16, 4)
            self.b12, self.b34, self.root = weight(4, 4, 4), weight(4, 4, 4), weight(4, 4)

        def forward(self, x):
            e = torch.einsum
            t = e("nabcd,bjq->nacdjq", x.view(-1, 8, 20, 20, 18), self.u2)
            t = e("nacdjq,aiqs->ncdijs", t, e("aip,pqs->aiqs", self.u1, self.b12))
            t = e("ncdijs,cksv->ndijkv", t, e("sw,cku,uvw->cksv", self.root, self.u3, self.b34))
            return e("ndijkv,dlv->nijkl", t, self.u4).reshape(-1, 4 * HIDDEN)

    class Tt(nn.Module):
        """The same modes as a tensor train, ranks 4, core after core."""

        def __init__(self):
            super().__init__()
            self.g1, self.g2, self.g3, self.g4 = weight(8, 4, 4), weight(4, 20, 4, 4), weight(4, 20, 4, 4), weight(4, 18, 16)

        def forward(self, x):
            e = torch.einsum
            t = e("nabcd,aip->nbcdip", x.view(-1, 8, 20, 20, 18), self.g1)
            t = e("nbcdip,pbjq->ncdijq", t, self.g2)
            t = e("ncdijq,qcku->ndijku", t, self.g3)
            return e("ndijku,udl->nijkl", t, self.g4).reshape(-1, 4 * HIDDEN)

    class Compressed(nn.Module):
        def __init__(self, x_map):
            super().__init__()
            self.x_map, self.h_map, self.out = x_map, nn.Linear(HIDDEN, 4 * HIDDEN), nn.Linear(HIDDEN, CLASSES)

        def forward(self, x):
            gates = self.x_map(x.reshape(-1, INPUTS)).view(x.shape[0], FRAMES, 4 * HIDDEN)
            h = c = torch.zeros(x.shape[0], HIDDEN)
            for k in range(FRAMES):
                i, f, g, o = (gates[:, k] + self.h_map(h)).chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            return self.out(h)

    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(INPUTS, HIDDEN, batch_first=True), nn.Linear(HIDDEN, CLASSES)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    x16 = torch.randn(16, FRAMES, INPUTS)
    x1, label = x16[:1].clone(), torch.randint(CLASSES, (16,))

    def contestant(name, model):
        adam = torch.optim.Adam(model.parameters())

        def infer(x):
            def call():
                with torch.inference_mode():
                    model(x)
            return call

        def train():
            adam.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(x16), label).backward()
            adam.step()
        return Calls(name, {("infer", 1): infer(x1), ("infer", 16): infer(x16), ("train", 16): train})

    blas, name = "BLAS unknown", ""
    with open("/proc/self/maps") as f:
        libs = sorted({line.split()[-1] for line in f if "openblas" in line.rsplit("/", 1)[-1]})
    if libs:
        import ctypes

        get = ctypes.CDLL(libs[0]).openblas_get_corename
        get.restype = ctypes.c_char_p
        blas, name = os.path.basename(libs[0]), ", core " + get().decode()
    elif torch.backends.mkl.is_available():
        blas = "MKL"
    else:
        name = " (a BLAS that is not OpenBLAS: install libopenblas0 for a fair figure)"
    notes.append("PyTorch %s with %s%s" % (torch.__version__, blas, name))
    notes.append("PyTorch HT and TT: the input map alone is compressed, by torch.einsum; tednet, the library of such cells, is not "
                 "in Debian and is left out")
    return [contestant("PyTorch LSTM, dense", Dense()), contestant("PyTorch einsum HT-LSTM r4", Compressed(Ht())),
            contestant("PyTorch einsum TT-LSTM r4", Compressed(Tt()))]


# ---- ONNX Runtime: a model file of one LSTM, written here ----


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, value):
    """One protobuf field: an int as varint, bytes or text with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def write_onnx(path):
    import numpy

    rng = numpy.random.default_rng(0)

    def tensor(name, *shape):
        raw = (0.05 * rng.standard_normal(shape, dtype=numpy.float32)).tobytes()
        return field(5, b"".join(field(1, d) for d in shape) + field(2, 1) + field(8, name) + field(9, raw))

    def value(name, *shape):
        dims = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    node = b"".join(field(1, s) for s in ("x", "W", "R", "B")) + field(2, "") + field(2, "h") + field(4, "LSTM")
    node += field(5, field(1, "hidden_size") + field(3, HIDDEN) + field(20, 2))
    graph = field(1, node) + field(2, "lstm")
    graph += tensor("W", 1, 4 * HIDDEN, INPUTS) + tensor("R", 1, 4 * HIDDEN, HIDDEN) + tensor("B", 1, 8 * HIDDEN)
    graph += field(11, value("x", FRAMES, "batch", INPUTS)) + field(12, value("h", 1, "batch", HIDDEN))
    with open(path, "wb") as f:
        f.write(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 14)))


def write_compressed(preset):
    """The preset's model at its start values, as a graph of its cores: two clips of noise are packed, trained on for no epoch, exported."""
    names = [os.path.join(WORK, preset + end) for end in ("", ".data.h5", ".h5", ".onnx")]
    for k in range(2 * FRAMES):
        folder = os.path.join(names[0], "ab"[k % 2], "clip")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "%d.ppm" % k), "wb") as f:
            f.write(b"P6 160 120 255\n" + os.urandom(INPUTS))
    try:
        for args in (["pack", names[0], "-o", names[1]], ["train", names[1], "-o", names[2], "--preset", preset, "--epochs", "0"],
                     ["export", names[2], "-o", names[3], "--layout", "onnx-compressed"]):
            subprocess.run([FDHT, *args, "-f", "-q"], check=True, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(names[0], ignore_errors=True)
        for name in names[1:3]:
            if os.path.exists(name):
                os.remove(name)
    return names[3]


ORT = """
const ort = require('onnxruntime-node'), rl = require('readline');
const [model, input, dims, seconds] = [process.argv[1], process.argv[2], process.argv[3], +process.argv[4]];
(async () => {
  const session = await ort.InferenceSession.create(model, {intraOpNumThreads: 1, interOpNumThreads: 1, executionProviders: ['cpu']});
  console.log(require('onnxruntime-node/package.json').version);
  const x = {};
  for await (const line of rl.createInterface({input: process.stdin})) {
    const batch = +line, dim = dims.split(',').map(d => d == 'batch' ? batch : +d), n = dim.reduce((a, b) => a * b);
    x[batch] ??= new ort.Tensor('float32', Float32Array.from({length: n}, Math.random), dim);
    const start = process.hrtime.bigint();
    let runs = 0, past = 0;
    while (past < seconds) {
      await session.run({[input]: x[batch]});
      runs++;
      past = Number(process.hrtime.bigint() - start) / 1e9;
    }
    console.log(past / runs);
  }
})().catch(e => { console.error(String(e)); process.exit(1); });
"""


def onnx_contestants():
    if not shutil.which("node") or not shutil.which("npm"):
        raise RuntimeError("no node or npm here")
    if not os.path.isdir(os.path.join(WORK, "node_modules", "onnxruntime-node")):
        print("Installing npm package onnxruntime-node in " + os.path.relpath(WORK), file=sys.stderr)
        env = dict(os.environ, ONNXRUNTIME_NODE_INSTALL="skip")
        done = subprocess.run(["npm", "install", "--prefix", WORK, "--no-audit", "--no-fund", "--loglevel=error", "onnxruntime-node@1"],
                              env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120)
        if done.returncode:
            raise RuntimeError("npm could not install onnxruntime-node: " + (done.stdout.strip().splitlines() or ["?"])[-1])
    model = os.path.join(WORK, "lstm.onnx")
    write_onnx(model)
    graphs = [("ONNX Runtime LSTM, dense", model, "x", "%d,batch,%d" % (FRAMES, INPUTS))]
    for preset in ("ucf11-fdht", "clips-fdht"):
        path = write_compressed(preset)
        graphs.append(("ONNX Runtime, fdht compressed graph, " + preset, path, "frames", "batch,%d,120,160,3" % FRAMES))
        notes.append("the compressed graph of %s has %d bytes" % (preset, os.path.getsize(path)))
    try:
        workers = [Worker(name, ["node", "-e", ORT, path, input, dims, str(SAMPLE_SECONDS)], CASES[:2], cwd=WORK)
                   for name, path, input, dims in graphs]
    finally:
        for graph in graphs:
            os.remove(graph[1])
    notes.append("ONNX Runtime %s (onnxruntime-node), its own matrix kernels; no training" % workers[0].version)
    notes.append("fdht compressed graph: `fdht export --layout onnx-compressed` of the same model, run by ONNX Runtime")
    return workers


# ---- oneDNN: a C program, where its headers are ----


def onednn_contestants():
    program = os.path.join(WORK, "onednn")
    done = subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, "tests/bench/onednn.c", "-ldnnl"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        missing = "oneapi/dnnl/dnnl.h:" in done.stdout.split("\n")[0] or "-ldnnl" in done.stdout
        raise RuntimeError("not installed (Debian: libdnnl-dev)" if missing else done.stdout.strip().split("\n")[-1] or "the compiler failed")
    args = [program, str(FRAMES), str(INPUTS), str(HIDDEN), str(SAMPLE_SECONDS)]
    worker = Worker("oneDNN LSTM, dense", args, CASES[:2])
    notes.append("oneDNN %s, inference, weights in plain layout" % worker.version)
    return [worker]


# ---- the run ----


def gather():
    found = [Fdht("ucf11-fdht"), Fdht("clips-fdht")]
    for name, make in (("PyTorch", torch_contestants), ("ONNX Runtime", onnx_contestants), ("oneDNN", onednn_contestants)):
        try:
            found += make()
        except Exception as e:  # whatever ails a peer, the others still run
            notes.append("%s left out: %s" % (name, e))
            print("bench-peers: " + notes[-1], file=sys.stderr)
    return found


def run(contestants):
    samples, start = {}, time.monotonic()
    for r in range(ROUNDS):
        if r >= 3 and (time.monotonic() - start) * (r + 1) / r > BUDGET_SECONDS:
            notes.append("stopped after %d of %d rounds, to end in time" % (r, ROUNDS))
            break
        for c in list(contestants):
            try:
                one = c.round()
            except Exception as e:
                if isinstance(c, Fdht):
                    raise
                notes.append("%s left out after %d rounds: %s" % (c.name, r, e))
                contestants.remove(c)
                continue
            for case, values in one.items():
                samples.setdefault((c.name, case), []).extend(values)
        print("bench-peers: round %d of %d" % (r + 1, ROUNDS), file=sys.stderr)
    return samples


def median(v):
    v = sorted(v)
    return (v[(len(v) - 1) // 2] + v[len(v) // 2]) / 2


def report(contestants, samples):
    m = Fdht.machine
    print("%s, %d cores, load %s; %s kernels, %.0f GF/s FMA peak of one core in this run" %
          (m["cpu"], m["cores"], open("/proc/loadavg").read().split()[0], m["kernels"], m["fma_gflops"]))
    version = subprocess.run([FDHT, "--version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()
    notes.insert(0, "%s with %s, core %s" % (version[0] if version else "fdht", m["blas"], m["blas_core"]))
    print("%d inputs, %d hidden, %d frames a clip, one thread, float32; ms per frame, median (min)\n" % (INPUTS, HIDDEN, FRAMES))
    head = ["%s, batch %d" % case for case in CASES]
    ours = [c.name for c in contestants if isinstance(c, Fdht)]
    middle = {key: median(v) for key, v in samples.items()}
    print("| contestant | " + " | ".join(head) + " |\n|---" + "|---" * len(head) + "|")
    for c in contestants:
        cells = ["%.4f (%.4f)" % (middle[c.name, k], min(samples[c.name, k])) if (c.name, k) in samples else "-" for k in CASES]
        print("| %s | %s |" % (c.name, " | ".join(cells)))
    if len(contestants) > len(ours):
        print("\n| times faster (medians) | " + " | ".join(head) + " |\n|---" + "|---" * len(head) + "|")
    for us in ours:
        for c in contestants:
            graph_of = c.name.rpartition("compressed graph, ")[2] if "compressed graph" in c.name else us.split()[1]
            if c.name not in ours and graph_of == us.split()[1]:
                cells = ["%.1f" % (middle[c.name, k] / middle[us, k]) if (c.name, k) in middle else "-" for k in CASES]
                print("| %s than %s | %s |" % (us, c.name, " | ".join(cells)))
    print()
    for note in notes:
        print("- " + note)
    path = os.path.join(WORK, "peers.csv")
    with open(path, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(["contestant", "what", "batch", "ms_per_frame_median", "ms_per_frame_min", "samples"]
                     + ["times_" + us.split()[1] for us in ours])
        for (name, case), v in samples.items():
            out.writerow([name, *case, "%.6g" % middle[name, case], "%.6g" % min(v), len(v)]
                         + ["%.4g" % (middle[name, case] / middle[us, case]) for us in ours])
    print("- the same as csv: " + os.path.relpath(path))


def main():
    os.makedirs(WORK, exist_ok=True)
    contestants = gather()
    report(contestants, run(contestants))


main()
