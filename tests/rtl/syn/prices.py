#!/usr/bin/env python3
"""Gate equivalents and energy of every part of the accelerator by synthesis: prices.py RTL LIBRARY.lib WORK [OUT.json [MACHINES]]; prices.py --check RTL OUT.json

RTL is the folder of the SystemVerilog sources, WORK a scratch folder. Each part of parts.sv is synthesised by yosys and mapped to the cells of
the library (Debian's qflow-tech-osu018, 0.18 um); netlist.py counts gate equivalents and simulates the energy of an operation with the
stimuli below. Both are calibrated on TIE alone: one factor for area and one for energy, with which TIE's parts sum to the area and power that
TIE publishes for its logic. Published scaling from 180 nm to 28 nm stands beside the factors, as a check that nothing was tuned to.
--check: whether OUT.json is of these sources; it names the parts that changed. OUT.json receives it all; the machines in MACHINES (tie.json, fdht.json) get their values from it.
"""
import hashlib
import itertools
import json
import math
import os
import random
import re
import subprocess
import sys

import netlist

RUNS, CYCLES = 32, 48
# TIE, ISCA 2019: all that is not memory, in mm2 and mW at 1 GHz: combinational, registers, clock.
TIE_MM2, TIE_MW = 1.744 - 1.29, 54.0 + 10.9 + 29.1
# Stillmaker, Baas, Integration 58, 2017: area over that of 180 nm at 32 and 20 nm; energy over node and voltage, a V^2 + b V + c.
AREA = {32: 1 / 40, 20: 1 / 88}
ENERGY = {180: (24.64, -17.98, 0), 32: (0.8367, -0.4341, 0.1701), 20: (0.373, -0.1582, 0.04104)}


def perm(n, banks):
    """Banks of n words that do not meet: a rotation."""
    bits = (banks - 1).bit_length()

    def draw(r):
        turn = r.randrange(banks)
        return sum(((i + turn) % banks) << (bits * i) for i in range(n))
    return draw


def once(f):
    """Drawn once a run, and kept."""
    f.keep = True
    return f


def walk(step, size):
    """From a place drawn once a run on by so much in every cycle."""
    f = once(lambda r: r.randrange(size))
    f.step, f.size = step, size
    return f


def halves():
    """0 in every second run, else 1."""
    return once(lambda r, n=itertools.count(): next(n) % 2)


def any_of(bits):
    return lambda r: r.getrandbits(bits)


# Digits of a tensor of 5,760 words: 18 x 20 x 16, the rest 1.
EXT = sum(e << (13 * d) for d, e in enumerate((18, 20, 16, 1, 1, 1, 1, 1)))
AGU = {"load": lambda t: t == 0, "step": 1, "ext": EXT, "unit_a": 1, "unit_k": once(any_of(5)), "corr_a": once(any_of(152)),
       "corr_k": once(any_of(40))}
# Part: how many units it is, operations a cycle, stimuli. Numbers are constant, functions of one argument named t know the cycle,
# others draw a new value in every cycle; a port that is not named gets random bits in every cycle.
PARTS = {
    "mac": dict(top="part_mac", units=1, operations=1, unit="multiply-add",
                ports={"en": 1, "set": 0, "shift": 8, "first": lambda t: t % 16 == 0}),
    "agu": dict(top="part_agu", units=4, operations=4, unit="lane", ports=AGU),
    "place": dict(top="part_place", units=1, operations=1, unit="word", ports={"f": 2, "base": once(any_of(14))}),
    "crossbar": dict(top="part_crossbar", units=16 * 32, operations=16 * 32, unit="lane x bank",
                     ports={"go": 0xffff, "bank": perm(16, 32)}),
    "rotator": dict(top="part_rotator", units=5 * 32, operations=5 * 32, unit="bank x log2(banks)", ports={}),
    "arbiter": dict(top="part_arbiter", units=8 * 16, operations=8 * 16, unit="word x bank",
                    ports={"want": 0xff, "bank": perm(8, 16), "taken": 0}),
    "drain": dict(top="part_drain", units=1, operations=1, unit="word of 256 MACs",
                  ports={"nr": 16, "nc": 16, "by_column": halves(), "set": once(any_of(1)), "i": walk(16, 256),
                         "acc0": once(any_of(6144)), "acc1": once(any_of(6144))}),
    "round": dict(top="part_round", units=1, operations=1, unit="word", ports={"shift": 8}),
    "lstm": dict(top="part_lstm", units=1, operations=.25, unit="lane",
                 ports={"in": 1, "gate": lambda t: t % 4, "z_shift": 2, "c_frac": 12}),
    "lstm_table": dict(top="part_lstm_table", units=1, operations=.25, unit="lane", ports={"at_tanh": lambda t: t % 4 == 2}),
}
# The same parts at another size: what a unit costs must not depend on how many there are.
SIZES = {"agu": ("part_agu1", 1), "crossbar": ("part_crossbar16", 16 * 16), "arbiter": ("part_arbiter4", 4 * 8)}


def tables():
    """The two tables of lib/README.md section 8 as logic: words n and n + 1 of 257 over [-8, 8)."""
    def word(f, n):
        return min(32767, math.floor(f(n / 16 - 8) * 32768 + .5)) & 0xffff
    out = []
    for name, f in (("sigmoid", lambda x: 1 / (1 + math.exp(-x))), ("tanh", math.tanh)):
        rows = "".join(f"        8'd{n}: t = 32'h{word(f, n + 1):04x}{word(f, n):04x};\n" for n in range(256))
        out.append(f"module {name}_table(input [7:0] at, output [15:0] t0, t1);\n    reg [31:0] t;\n    assign {{t1, t0}} = t;\n"
                   f"    always @* case (at)\n{rows}    endcase\nendmodule\n")
    return "".join(out)


def source_of(rtl, top):
    """What a part is: its module and those that it is made of, from the RTL and parts.sv, without comments; its tables."""
    here, module = os.path.dirname(os.path.abspath(__file__)), {}
    for path in [os.path.join(rtl, f) for f in ("agu.sv", "mac.sv", "lstm.sv")] + [os.path.join(here, "parts.sv")]:
        text = re.sub(r"\s*//.*", "", open(path).read())
        for body, name in re.findall(r"(^module (\w+).*?^endmodule\n)", text, re.S | re.M):
            module[name] = body
    used, more = [], [top]
    while more:
        used += more
        more = sorted({n for m in more for n in re.findall(r"\w+", module[m]) if n in module} - set(used))
    return "".join(module[n] for n in used) + tables()


def digests(rtl):
    """A digest of the sources of each part, of both its sizes."""
    def of(tops):
        return hashlib.sha256("".join(source_of(rtl, t) for t in tops).encode()).hexdigest()[:16]
    return {name: of([p["top"]] + list(SIZES.get(name, ()))[:1]) for name, p in PARTS.items()}


def check(rtl, path):
    """Whether the counts are those of these sources."""
    parts = json.load(open(path))["parts"]
    stale = [name for name, digest in digests(rtl).items() if parts.get(name, {}).get("sources") != digest]
    for name in stale:
        print(f"{name}: its sources are not those of its price (make rtl-prices)", file=sys.stderr)
    return 1 if stale else 0


def synthesise(rtl, lib, work, top):
    """The mapped netlist of a part; one of the same sources is taken as it is."""
    text, out, kept = source_of(rtl, top), os.path.join(work, top + ".json"), os.path.join(work, top + ".sv")
    if not (os.path.exists(out) and os.path.exists(kept) and open(kept).read() == text):
        script = (f"read_verilog -sv -DSYNTHESIS part.sv; synth -flatten -top {top}; dfflibmap -liberty {lib}; "
                  f"abc -D 5000 -liberty {lib}; clean; write_json {top}.json")
        open(os.path.join(work, "part.sv"), "w").write(text)
        subprocess.run(["yosys", "-q", "-p", script], cwd=work, check=True)
        os.replace(os.path.join(work, "part.sv"), kept)
    return out


def stimulus(ports, widths, seed):
    rng = [random.Random(seed * 1000 + r) for r in range(RUNS)]
    kept = {}

    def values(port, t):
        rule = ports.get(port, any_of(widths[port]))
        if not callable(rule):
            return [rule] * RUNS
        if getattr(rule, "keep", False):
            first = kept.setdefault(port, [rule(r) for r in rng])
            return [(v + rule.step * t) % rule.size for v in first] if hasattr(rule, "step") else first
        if rule.__code__.co_varnames[:1] == ("t",):
            return [int(rule(t))] * RUNS
        return [rule(r) for r in rng]
    return values


def version(command):
    """The first line that a command prints; "unknown" where it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def tie_fc6():
    """What TIE's published figures are of: VGG-FC6, ranks 4, the first factor first, no stall. Counts by section 9 of lib/README.md."""
    n, m, rank = [2, 7, 8, 8, 7, 4], [4] * 6, [1, 4, 4, 4, 4, 4, 1]
    c = dict(multiply_adds=0, reads=0, writes=0, steps=0)
    for k in range(6):
        rows, inner, cols = m[k] * rank[k + 1], rank[k] * n[k], math.prod(m[:k]) * math.prod(n[k + 1:])
        work = rows * inner * cols
        tiles = work / 256 / inner
        c["multiply_adds"] += work
        c["reads"] += work // 16
        c["writes"] += rows * cols
        c["steps"] += steps(work / 256, tiles, tiles / math.ceil(rows / 16), 16, 16)
    c["cycles"] = math.ceil(c["multiply_adds"] / 256)
    assert c["multiply_adds"] == 6889472 and c["cycles"] == 26912
    return c


def steps(issue, tiles, columns, n_pe, macs):
    """Lane steps of the address generators: the inner index, lanes and columns of each column of tiles, rows of each tile."""
    return issue + 2 * n_pe * columns + macs * tiles


def tie_units():
    """Units of each part in TIE: 16 x 16 MACs, 16 banks, 16 words written a cycle; a crossbar either way; no LSTM unit."""
    return {"mac": 256, "agu": 3 + 16 + 16 + 16, "place": 16 + 16, "crossbar": 16 * 16 + 16 * 16, "arbiter": 16 * 16 + 16 * 16,
            "drain": 16, "round": 16}


def calibrate(parts):
    units, c = tie_units(), tie_fc6()
    gates = sum(parts[p]["gates"] * u for p, u in units.items())
    words = c["reads"] + c["writes"]
    pj = {"mac": c["multiply_adds"], "agu": c["steps"], "place": words, "crossbar": 16 * words, "arbiter": 16 * words,
          "drain": c["writes"], "round": c["writes"]}
    energy = sum(parts[p]["pj_180nm"] * n for p, n in pj.items()) / c["cycles"]
    volt = {180: 1.8, 32: .9, 20: .9}
    at = {n: a * volt[n] ** 2 + b * volt[n] + k for n, (a, b, k) in ENERGY.items()}
    part = math.log(32 / 28) / math.log(32 / 20)  # of the way from 32 to 20 nm, in logarithms
    area = AREA[32] ** (1 - part) * AREA[20] ** part
    scaled = (at[32] / at[180]) ** (1 - part) * (at[20] / at[180]) ** part
    return {
        "tie_gates": round(gates), "tie_logic_mm2": TIE_MM2, "mm2_per_mgate": float(f"{TIE_MM2 / gates * 1e6:.6g}"),
        "tie_pj_180nm_per_cycle": round(energy, 2), "tie_logic_mw": TIE_MW, "energy_factor": float(f"{TIE_MW / energy:.6g}"),
        "check": {"source": "Stillmaker, Baas, Integration 58, 2017, 180 nm at 1.8 V to 28 nm at 0.9 V, between 32 and 20 nm",
                  "area_factor": float(f"{area:.4g}"), "energy_factor": float(f"{scaled:.4g}"),
                  "tie_logic_mm2": float(f"{gates * 24e-6 * area:.4g}"), "tie_logic_mw": float(f"{energy * scaled:.4g}")},
    }


def set_value(text, key, value, source):
    line = re.compile(r'("%s": )\{"value": [^,]*, "source": "[^"]*"\}' % key)
    if not line.search(text):
        raise SystemExit(f"no line for {key} in the machine")
    return line.sub(lambda m: f'{m.group(1)}{{"value": {value:.6g}, "source": "{source}"}}', text)


def update(folder, prices):
    """The machines' values; an LSTM unit is in fdht alone, as TIE has none."""
    cal = prices["calibration"]
    for machine in ("tie", "fdht"):
        path = os.path.join(folder, machine + ".json")
        text = open(path).read()
        for name, p in prices["parts"].items():
            unit = name.startswith("lstm")
            if unit == (machine == "fdht"):
                text = set_value(text, name + "_gates", p["gates"], f"synthesis: gate equivalents a {p['unit']} (tests/rtl/syn)")
            if machine == "tie":
                text = set_value(text, name + "_pj", p["pj_180nm"] * cal["energy_factor"],
                                 f"synthesis: {p['pj_180nm']:.6g} pJ at 0.18 um, scaled to TIE's 94.0 mW (tests/rtl/syn)")
        if machine == "tie":
            text = set_value(text, "mm2_per_mgate", cal["mm2_per_mgate"],
                             f"derived: TIE 1.744 - 1.29 mm2 over the {cal['tie_gates']} gate equivalents of its parts")
        open(path, "w").write(text)


def main(rtl, lib_path, work, out=None, machines=None):
    rtl, lib_path = os.path.abspath(rtl), os.path.abspath(lib_path)
    os.makedirs(work, exist_ok=True)
    lib, parts, sources = netlist.Library(lib_path), {}, digests(rtl)
    print(f"{'part':12} {'unit':20} {'gates':>9} {'flops':>7} {'pJ, 180 nm':>11}   gates at another size")
    for seed, (name, p) in enumerate(PARTS.items()):
        n = netlist.Netlist(synthesise(rtl, lib_path, work, p["top"]), p["top"], lib)
        widths = {q: len(bits) for q, (d, bits) in n.ports.items() if d == "input"}
        unknown = set(p["ports"]) - set(widths)
        if unknown:
            raise SystemExit(f"{p['top']}: no port {', '.join(sorted(unknown))}")
        pj = n.energy(stimulus(p["ports"], widths, seed), CYCLES, RUNS) / p["operations"]
        parts[name] = {"unit": p["unit"], "gates": float(f"{n.gates / p['units']:.6g}"), "flops": n.flops / p["units"],
                       "pj_180nm": float(f"{pj:.6g}"), "sources": sources[name]}
        other = ""
        if name in SIZES:
            top, units = SIZES[name]
            small = netlist.Netlist(synthesise(rtl, lib_path, work, top), top, lib)
            parts[name]["gates_at_other_size"] = float(f"{small.gates / units:.6g}")
            other = f"{small.gates / units:9.1f}"
        print(f"{name:12} {p['unit']:20} {parts[name]['gates']:9.1f} {parts[name]['flops']:7.1f} {pj:11.4f}   {other}", flush=True)
    prices = {"schema": "fdht-prices-1", "made_by": "make rtl-prices", "tools": {"yosys": version(["yosys", "-V"]),
                        "qflow-tech-osu018": version(["dpkg-query", "-W", "-f", "${Version}", "qflow-tech-osu018"])},
              "library": os.path.basename(lib_path), "library_volt": lib.volt,
              "stimuli": f"{RUNS} runs of {CYCLES} cycles, random data (PARTS in prices.py); energy rule in netlist.py",
              "parts": parts, "calibration": calibrate(parts)}
    cal = prices["calibration"]
    print(f"TIE's logic: {cal['tie_gates']} gate equivalents, {cal['tie_pj_180nm_per_cycle']} pJ a cycle at 180 nm on VGG-FC6")
    print(f"  by published scaling {cal['check']['tie_logic_mm2']} mm2 and {cal['check']['tie_logic_mw']} mW, published {TIE_MM2:.3f} and {TIE_MW:.1f}")
    if out:
        with open(out, "w") as f:
            json.dump(prices, f, indent=1)
            f.write("\n")
    if machines:
        update(machines, prices)


if __name__ == "__main__":
    sys.exit(check(*sys.argv[2:]) if sys.argv[1:2] == ["--check"] else main(*sys.argv[1:]))
