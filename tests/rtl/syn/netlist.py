"""A mapped netlist of yosys (write_json) and its cells' library: gate equivalents, and energy by simulation.

Energy rule (switched capacitance). The netlist runs with zero delay, many runs side by side as the bits of Python's integers. A
transition of a net takes half the capacitance of the pins it drives times the square of the voltage, and the internal energy that the
library gives for the cell that drives it, at 25 fF and its shortest input transition. A flip-flop takes both transitions of its clock pin in
every cycle. Wires, glitches and leakage are left out: prices.py calibrates the sum.
"""
import json
import re
from collections import defaultdict

LOAD, SLEW = 2, 0  # indices into the library's energy tables: 0.025 pF, 0.06 ns


def blocks(text, head):
    """(arguments, body) of every group `head (arguments) {body}`."""
    for m in re.finditer(head + r"\s*\(([^)]*)\)\s*\{", text):
        depth, at = 1, m.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield m.group(1).strip(), text[m.end():at - 1]


def table(body, kind):
    """The mean over a pin's tables of one kind at LOAD and SLEW; 0 where it has none."""
    found = []
    for _, power in blocks(body, "internal_power"):
        for _, t in blocks(power, kind):
            rows = re.findall(r'"([^"]*)"', t[t.index("values"):])
            row = rows[LOAD if len(rows) > LOAD else 0].split(",")
            found.append(float(row[SLEW]))
    return sum(found) / len(found) if found else 0.0


def python(function):
    """A Liberty function (a space is and, + is or) as an expression of Python, where m is all ones."""
    f = re.sub(r"\s*([+^])\s*|(\()\s+|\s+(\))", r"\1\2\3", function.strip()).replace(" ", "&").replace("+", "|")
    return re.sub(r"!\(", "m^(", re.sub(r"!([A-Z]+)", r"(m^\1)", f))


class Library:
    def __init__(self, path):
        text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
        self.volt = float(re.search(r"nom_voltage\s*:\s*([\d.]+)", text).group(1))
        self.cell = {}
        for name, body in blocks(text, "cell"):
            pins, flop = {}, bool(re.search(r"\bff\s*\(", body))
            for pin, p in blocks(body, r"\bpin"):
                f = re.search(r'function\s*:\s*"([^"]*)"', p)
                pins[pin] = {"out": "output" in p, "function": f and f.group(1), "clock": "clock : true" in p,
                             "cap": float(re.search(r"capacitance\s*:\s*([\d.e-]+)", p).group(1)),
                             "rise": table(p, "rise_power"), "fall": table(p, "fall_power")}
            self.cell[name] = {"area": float(re.search(r"area\s*:\s*([\d.]+)", body).group(1)), "pins": pins, "flop": flop}
        self.gate = self.cell["NAND2X1"]["area"]


class Netlist:
    def __init__(self, path, top, lib):
        self.lib, m = lib, json.load(open(path))["modules"][top]
        self.ports = {n: (p["direction"], p["bits"]) for n, p in m["ports"].items()}
        self.cells = [(c["type"].lstrip("\\"), {p: b[0] for p, b in c["connections"].items()}) for c in m["cells"].values()]
        for kind, _ in self.cells:
            if kind not in lib.cell:
                raise SystemExit(f"{top}: {kind} is no cell of the library")
        self.gates = sum(lib.cell[k]["area"] for k, _ in self.cells) / lib.gate
        self.flops = sum(lib.cell[k]["flop"] for k, _ in self.cells)

    def load(self):
        """Capacitance that each net drives, pF; for each net the internal energy of a transition of its driver, pJ."""
        cap, inner = defaultdict(float), defaultdict(float)
        for kind, pins in self.cells:
            for p, net in pins.items():
                pin = self.lib.cell[kind]["pins"][p]
                if pin["out"]:
                    inner[net] += (pin["rise"] + pin["fall"]) / 2
                elif not pin["clock"]:
                    cap[net] += pin["cap"]
                    inner[net] += (pin["rise"] + pin["fall"]) / 2
        return cap, inner

    def program(self):
        """Python source of one cycle: combinational cells in order, from inputs and flip-flops; and the flip-flops."""
        ready = {b for d, bits in self.ports.values() if d == "input" for b in bits} | {"0", "1", "x"}
        flop = [(p["D"], p["Q"]) for k, p in self.cells if self.lib.cell[k]["flop"]]
        ready |= {q for _, q in flop}
        waiting, users, todo, lines = {}, defaultdict(list), [], []
        for i, (kind, pins) in enumerate(self.cells):
            if self.lib.cell[kind]["flop"]:
                continue
            need = {b for p, b in pins.items() if not self.lib.cell[kind]["pins"][p]["out"]} - ready
            waiting[i] = len(need)
            for b in need:
                users[b].append(i)
            if not need:
                todo.append(i)
        value = lambda b: {"0": "0", "x": "0", "1": "m"}.get(b, f"v[{b}]")
        while todo:
            kind, pins = self.cells[todo.pop()]
            cell = self.lib.cell[kind]["pins"]
            for p, b in pins.items():
                if cell[p]["out"]:
                    f = re.sub(r"[A-Z]+", lambda x: value(pins[x.group(0)]), python(cell[p]["function"]))
                    lines.append(f"v[{b}]={f}")
                    for u in users[b]:
                        waiting[u] -= 1
                        if not waiting[u]:
                            todo.append(u)
        if any(waiting.values()):
            raise SystemExit("a loop in the netlist")
        return lines, flop

    def energy(self, stimulus, cycles, runs):
        """pJ a cycle: stimulus(port, cycle) gives a list of `runs` numbers for an input port that is not the clock."""
        lines, flop = self.program()
        m = (1 << runs) - 1
        size = 1 + max((b for _, bits in self.ports.values() for b in bits if isinstance(b, int)), default=1)
        size = max([size] + [1 + b for _, p in self.cells for b in p.values() if isinstance(b, int)])
        v, total, half = [0] * size, 0.0, self.lib.volt ** 2 / 2
        code = [compile("\n".join(lines[i:i + 5000]), "netlist", "exec") for i in range(0, len(lines), 5000)]
        cap, inner = self.load()
        price = [cap[b] * half + inner[b] for b in range(size)]
        clock = sum(2 * half * c["cap"] + c["rise"] + c["fall"] for k, _ in self.cells
                    for c in self.lib.cell[k]["pins"].values() if c["clock"])
        for t in range(cycles + WARM):
            old = v[:]
            state = [(q, v[d] if isinstance(d, int) else m * (d == "1")) for d, q in flop]
            for q, x in state:
                v[q] = x
            for port, (direction, bits) in self.ports.items():
                if direction == "input" and port != "clk":
                    given = stimulus(port, t)
                    for i, b in enumerate(bits):
                        if isinstance(b, int):
                            v[b] = sum((x >> i & 1) << r for r, x in enumerate(given))
            for c in code:
                exec(c, {"v": v, "m": m})
            if t >= WARM:
                total += sum((a ^ b).bit_count() * e for a, b, e in zip(old, v, price)) / runs
        return total / cycles + clock


WARM = 12  # cycles before counting starts: pipelines fill
