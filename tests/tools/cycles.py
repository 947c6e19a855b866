#!/usr/bin/env python3
"""An independent count of the accelerator's cycles: cycles.py MAPPING.json REPORT.json UNITS

It takes a mapping (fdht simulate --write-mapping), and of the report (--json) the machine, the steps and the clips at once;
of a whole LSTM also its hidden units (0: a matrix). It knows the rules of lib/README.md section 9.3 and no line of
lib/sim: a stage is two sums over its tiles, and the LSTM unit and the link find their ports in a record of what the array
took. Prints one line of JSON: cycles, issue, the stalls of the LSTM unit, those for inputs, the latest step's latency, the words
that have no room and cross the link, and the cycles of each stage.
"""
import json
import sys
from collections import Counter


def index(legs, names):
    """(address, skew) of every index of the named legs, row-major."""
    out = [(0, 0)]
    for n in names:
        leg = legs[n]
        out = [(a + i * leg["stride"], k + i * leg["skew"]) for a, k in out for i in range(leg["extent"])]
    return out


class Tensor:
    def __init__(self, t, banks):
        self.t, self.banks, self.legs = t, banks, {leg["leg"]: leg for leg in t["legs"]}

    def place(self, a, k):
        f, b = self.t["bank"], self.banks
        if f == "table":
            return self.t["table"][a] % b, self.t["table"][a] // b
        bank = a % b
        if f == "skew":
            bank = (bank + k) % b
        if f == "xor":
            bank, up = 0, a
            while up:
                bank, up = bank ^ up % b, up // b
        return bank, a // b


def natural(legs):
    """Legs of a vector in the operator's order: the gate, then the modes."""
    return sorted(legs, key=lambda n: (n != "gate", int(n[3:] if n.startswith("out") else n[2:]) if n != "gate" else 0))


class Machine:
    def __init__(self, hw, mapping, units, steps, clips):
        self.hw, self.units, self.steps, self.clips = hw, units, steps, clips
        self.chains = {c: mapping[c] for c in "xh" if c in mapping}
        self.tensors = {c: [Tensor(t, hw["x_banks"]) for t in k["tensors"]] for c, k in self.chains.items()}
        self.now, self.seen = 0, 0  # the clock; how far unit and link have been followed
        self.array = set()  # (cycle, buffer, bank) that the array takes
        self.spilled = 0
        self.issue, self.exposed, self.waited, self.latest, self.stage = 0, 0, 0, 0, Counter()
        self.unit, self.link = None, None
        self.groups = {}

    # ---- the array
    def tiles(self, chain, i):
        """For each tile: its reads, one by one, with the bank of each word, None where it is outside; its write groups the same way."""
        if (chain, i) in self.groups:
            return self.groups[chain, i]
        hw, s = self.hw, self.chains[chain]["stages"][i]
        src, dst = self.tensors[chain][i], self.tensors[chain][i + 1]
        here, there = self.share(chain)[i:i + 2]
        bank = lambda place, end: place[0] if end is None or place[1] < end else None
        rows, inner = index(dst.legs, s["rows"]), index(src.legs, s["inner"])
        col_in, col_out = index(src.legs, s["columns"]), index(dst.legs, s["columns"])
        lane = 1
        for n in s["columns"][len(s["columns"]) - s["lane_legs"]:] if s["lane_legs"] else s["columns"]:
            lane *= src.legs[n]["extent"]
        cols = [range(c, min(c + hw["n_pe"], base + lane)) for base in range(0, len(col_in), lane)
                for c in range(base, base + lane, hw["n_pe"])]
        out = []
        for c in cols:
            reads = [[bank(src.place(a + col_in[x][0], k + col_in[x][1]), here) for x in c] for a, k in inner]
            for r0 in range(0, len(rows), hw["macs_per_pe"]):
                tile = rows[r0:r0 + hw["macs_per_pe"]]
                if s["drain"] == "column":
                    order = [(r, x) for x in c for r in tile]
                else:
                    order = [(r, x) for r in tile for x in c]
                words = [bank(dst.place(r[0] + col_out[x][0], r[1] + col_out[x][1]), there) for r, x in order]
                wb = hw["wb_words"]
                out.append((reads, [words[w:w + wb] for w in range(0, len(words), wb)]))
        self.groups[chain, i] = out
        return out

    def take(self, cycle, buffer, banks):
        """A group from this cycle on; the cycles it takes."""
        turn = Counter()
        for b in banks:
            if b is not None:
                self.array.add((cycle + turn[b], buffer, b))
            turn[b] += 1
        return self.cycles_of(turn)

    def cycles_of(self, words):
        """Of a group with so many words in each bank, None the link: that takes spill_words at a time."""
        self.spilled += words[None]
        return max(-(-n // (self.hw["spill_words"] if b is None else 1)) for b, n in words.items())

    def take_read(self, cycle, banks):
        """The same of a read in one memory: no progress in a cycle in which one of its banks is written."""
        left, at = self.cycles_of(Counter(banks)), cycle
        while left:
            left -= not any((at, 0, b) in self.array for b in banks)
            at += 1
        return at - cycle

    def refill(self, chain, i):
        """Weights that do not fit come before the stage, whole lines; of one alone too large before each tile: the cycles of one."""
        hw, room = self.hw, self.hw["w_kib"] * 512
        sizes = {}
        for c in self.chains:
            for k, s in enumerate(self.chains[c]["stages"]):
                rows = inner = 1
                for n in s["rows"]:
                    rows *= self.tensors[c][k + 1].legs[n]["extent"]
                for n in s["inner"]:
                    inner *= self.tensors[c][k].legs[n]["extent"]
                sizes[c, k] = -(-rows // hw["macs_per_pe"]) * hw["macs_per_pe"] * inner, -(-rows // hw["macs_per_pe"])
        words, row_tiles = sizes[chain, i]
        if words > room:
            return -(-(words // row_tiles) // hw["w_refill_words"])
        load = words if sum(w for w, _ in sizes.values()) > room else 0
        self.now += -(-load // hw["w_refill_words"])
        return 0

    def kept(self, buffer):
        """Lines of a buffer that hold more than stage tensors: two z_x, and z_h, where the unit works beside; h; two inputs."""
        hw, many, lines = self.hw, self.steps * self.clips > 1, 0
        if self.units:
            beside, zb = hw["lstm_overlap"] and many, len(self.chains["x"]["stages"]) % 2
            z = self.tensors["x" if buffer == zb else "h"][-1].t["lines"]
            lines += z * (1 + bool(beside)) if buffer == zb else z * min(self.clips, 2) if beside else 0
            lines += self.clips * self.tensors["h"][0].t["lines"] if buffer == self.h_buffer() else 0
        if buffer == 0 and hw["input_words"] and hw["input_buffers"] == 2:
            lines += 2 * self.tensors["x"][0].t["lines"]
        return lines

    def share(self, chain):
        """Lines of each tensor of a chain that are in memory; None: all, it has a place of its own. Tensors have room in the order of the
        words that a line outside would move: one written, one for each row tile that reads it."""
        hw, beside, last = self.hw, self.hw["lstm_overlap"] and self.steps * self.clips > 1, len(self.chains[chain]["stages"])
        lines = [t.t["lines"] for t in self.tensors[chain]]
        moves = []
        for i in range(last + 1):
            rows = 0
            if i < last:
                rows = 1
                for n in self.chains[chain]["stages"][i]["rows"]:
                    rows *= self.tensors[chain][i + 1].legs[n]["extent"]
            moves.append(-(-rows // hw["macs_per_pe"]) + (i > 0))
        own = set()
        if chain == "h" or hw["input_words"] and hw["input_buffers"] == 2:
            own.add(0)
        if self.units and (chain == "x" or beside):
            own.add(last)
        if chain == "x" and hw["input_words"]:
            moves[0] = 1 << 40
        if self.units:
            moves[last] = 1 << 40
        room = hw["x_kib"] * 512 // hw["x_banks"]
        got = [0] * (last + 1)
        for i in sorted(set(range(last + 1)) - own, key=lambda i: (-moves[i], i)):
            if hw["x_buffers"] == 1:
                beside_it = [got[k] for k in (i - 1, i + 1) if 0 <= k <= last]
                free = room - self.kept(0) - self.kept(1) - max(beside_it)
            else:
                free = room - self.kept(i % 2 if chain == "x" else (self.h_buffer() + i) % 2)
            got[i] = min(free, lines[i])
        return [None if i in own else g for i, g in enumerate(got)]

    def run_stage(self, chain, i, src, dst):
        """Tile k is computed when tile k - 1 is and tile k - 2 is drained; it drains when tile k - 1 has."""
        load = self.refill(chain, i)
        start = self.now
        if self.hw["x_buffers"] == 1:
            src = dst = 0
        computed, drained = start, [start, start]
        for reads, writes in self.tiles(chain, i):
            at = max(computed, drained[0]) + load
            for banks in reads:
                at += self.take_read(at, banks) if self.hw["x_buffers"] == 1 else self.take(at, src, banks)
                self.issue += 1
            computed = at
            at = max(at, drained[1])
            for banks in writes:
                at += self.take(at + self.hw["pipeline_cycles"], dst, banks)
            drained = [drained[1], at]
        self.now = drained[1] + self.hw["pipeline_cycles"]
        self.stage[chain, i] += self.now - start - load * len(self.tiles(chain, i))

    # ---- beside it
    def advance(self, until):
        """Follow LSTM unit and link up to this cycle."""
        while self.seen < until:
            taken = set()
            if self.unit:
                self.unit_cycle(taken)
            if self.link is not None:
                self.link_cycle(taken)
            self.seen += 1
            if not self.unit and self.link is None:
                self.seen = until

    def wait(self, busy):
        """The array waits; the cycles."""
        self.advance(self.now)
        start = self.now
        while busy():
            self.now += 1
            self.advance(self.now)
        return self.now - start

    def start_unit(self, job, began):
        self.advance(self.now)
        n = -(-self.units // self.hw["lstm_lanes"])
        self.unit = {"job": job, "began": began, "tick": 0, "reads": [(g, k) for g in range(n) for k in range(4)],
                     "due": {}, "words": None, "left": n}

    def group(self, g):
        lanes = self.hw["lstm_lanes"]
        return range(g * lanes, min((g + 1) * lanes, self.units))

    def unit_cycle(self, taken):
        u = self.unit
        zb, hb = len(self.chains["x"]["stages"]) % 2, self.h_buffer()
        if u["words"] is None:
            u["words"] = []
            if u["tick"] in u["due"]:
                u["words"] += [(hb, self.h_bank[j]) for j in self.group(u["due"][u["tick"]])]
                u["left"] -= 1
            if u["reads"]:
                g, k = u["reads"].pop(0)
                u["words"] += [(zb, self.z_bank["x"][k][j]) for j in self.group(g)]
                u["words"] += [(1 - zb, self.z_bank["h"][k][j]) for j in self.group(g)]
                if k == 3:
                    u["due"][u["tick"] + self.hw["lstm_latency_cycles"]] = g
        left = []
        for port in u["words"]:
            if self.hw["x_buffers"] == 1:
                port = (0, port[1])
            if (self.seen, *port) in self.array or port in taken:
                left.append(port)
            else:
                taken.add(port)
        u["words"] = left
        if not left:
            u["words"] = None
            u["tick"] += 1
            if not u["left"]:
                self.latest = max(self.latest, self.seen + 1 - u["began"])
                self.unit = None

    def link_cycle(self, taken):
        words, group = self.link
        if not group:
            group = [words.pop(0) for _ in range(min(self.hw["input_words"], len(words)))]
        left = []
        for b in group:
            if (self.seen, 0, b) in self.array or (0, b) in taken:
                left.append(b)
            else:
                taken.add((0, b))
        self.link = (words, left) if words or left else None

    # ---- all of it
    def h_buffer(self):
        return (1 - len(self.chains["x"]["stages"]) % 2 + len(self.chains["h"]["stages"])) % 2

    def vectors(self):
        first = self.tensors["x"][0]
        legs = [n for n in first.legs if n.startswith("in")]
        self.x_bank = [first.place(a, k)[0] for a, k in index(first.legs, natural(legs))]
        if not self.units:
            return
        h = self.tensors["h"][0]
        self.h_bank = [h.place(a, k)[0] for a, k in index(h.legs, natural(h.legs))][:self.units]
        self.z_bank = {}
        for c in "xh":
            z = self.tensors[c][-1]
            names = natural(z.legs)
            if names[0] != "gate":  # a dense hidden matrix: its only output leg carries the gates
                raise SystemExit("cycles.py: no gate leg")
            gate = index(z.legs, names[:1])
            self.z_bank[c] = [[z.place(a + ga, k + gk)[0] for a, k in index(z.legs, names[1:])] for ga, gk in gate]

    def run(self):
        self.vectors()
        hw = self.hw
        double, n = hw["input_words"] and hw["input_buffers"] == 2, self.steps * self.clips
        for job in range(n):
            began = self.now
            if hw["input_words"]:
                self.advance(self.now)
                if not double or job == 0:
                    self.link = (list(self.x_bank), [])
                self.waited += self.wait(lambda: self.link is not None)
                if double and job + 1 < n:
                    self.link = (list(self.x_bank), [])
            buffer = 0
            for i in range(len(self.chains["x"]["stages"])):
                self.run_stage("x", i, buffer, 1 - buffer)
                buffer = 1 - buffer
            if not self.units:
                self.latest = max(self.latest, self.now - began)
                self.advance(self.now)
                continue
            if self.clips == 1:
                self.exposed += self.wait(lambda: self.unit)
            buffer = self.h_buffer()
            for i in range(len(self.chains["h"]["stages"])):
                self.run_stage("h", i, buffer, 1 - buffer)
                buffer = 1 - buffer
            self.exposed += self.wait(lambda: self.unit)
            self.start_unit(job, began)
            if not hw["lstm_overlap"]:
                self.exposed += self.wait(lambda: self.unit)
        self.exposed += self.wait(lambda: self.unit)
        return {"cycles": self.now, "issue": self.issue, "lstm": self.exposed, "input": self.waited,
                "latency": self.latest, "spilled": self.spilled,
                "stages": [self.stage[c, i] for c in self.chains for i in range(len(self.chains[c]["stages"]))]}


def main():
    mapping, report = (json.load(open(p, encoding="utf-8")) for p in sys.argv[1:3])
    hw, clips = report["machine"], report["clips_at_once"]
    m = Machine({k: int(v) if isinstance(v, float) and v == int(v) else v for k, v in hw.items()}, mapping,
                int(sys.argv[3]), report["steps"] // clips, clips)
    print(json.dumps(m.run(), separators=(",", ":")))


if __name__ == "__main__":
    main()
