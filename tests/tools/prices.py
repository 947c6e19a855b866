#!/usr/bin/env python3
"""An independent sum of a simulation's energy and area: prices.py REPORT.json (fdht simulate --json)

It takes counts and the machine from the report and knows the rules of lib/README.md section 9.5, and no line of lib/sim. Prints the largest
relative difference to the report's own rows; exits with 1 where one is above 1e-9.
"""
import json
import math
import sys


def sums(report):
    hw, stages = report["machine"], report["stages"]
    paper, skew = report["mode"] == "paper", hw["bank_function"] == "skew"
    macs, banks, lanes = hw["n_pe"] * hw["macs_per_pe"], hw["x_banks"], hw["n_pe"]
    depth = math.ceil(math.log2(banks)) if banks > 1 else 0
    size = lambda kib, of: (kib / of) ** hw["sram_exponent"] if kib else 0
    at16 = hw["x_read_pj"] * size(16, 24)  # a line of 32 bits from 16 KiB
    line = lambda kib, bits: size(kib, 16) * max(0, at16 + (hw["w_read_pj"] - at16) * (bits - 32) / 224)
    kib = lambda t: t["entries"] * t["bits"] / 8192
    look = lambda t, group, n: line(kib(t), t["bits"] * group) * n / group if t["entries"] else 0

    total = dict.fromkeys(report["energy_pj"], 0.0)
    del total["total"]
    worst, mm2 = 0.0, 0.0
    count = dict.fromkeys(("reads", "writes", "beside", "drained", "steps", "units", "input_words", "refill_words", "spill_reads", "spill_writes", "tables"), 0)
    for i, s in enumerate(stages):
        unit = s["rows"] == 0
        count["reads"] += s["reads"]
        count["writes"] += s["writes"]
        count["beside"] += s["input_words"] + (s["reads"] + s["writes"] if unit else 0)
        count["drained"] += 0 if unit else s["writes"]
        count["steps"] += s["address_steps"] + s["input_words"]
        for k in ("input_words", "refill_words", "spill_reads", "spill_writes"):
            count[k] += s[k]
        group = hw["lstm_lanes"] if unit else lanes
        for t in s["read_tables"]:
            count["tables"] += look(t, group, s["reads"] / 2 if unit else s["reads"])
            mm2 += kib(t) * hw["sram_mm2_per_kib"]
        for t in s["write_tables"]:
            count["tables"] += look(t, hw["lstm_lanes"] if unit else hw["wb_words"], s["writes"])
            mm2 += kib(t) * hw["sram_mm2_per_kib"]
        if s["input_words"]:
            count["tables"] += look(s["read_tables"][0], hw["input_words"], s["input_words"])
            mm2 += kib(s["read_tables"][0]) * hw["sram_mm2_per_kib"]
        if unit:
            # a tick writes one h a unit, and reads two words of each of four gates; paper mode moves nothing
            count["units"] = (s["address_steps"] * 1.0) if paper else s["writes"]
    if paper and count["units"]:  # 3 n + 8 ceil(n / lanes) steps for n units
        steps, n = count["units"], 0
        while 3 * n + 8 * math.ceil(n / hw["lstm_lanes"]) < steps:
            n += 1
        count["units"] = n
    weights = report["cycles"] if paper else sum(s["weight_reads"] for s in stages)

    words = count["reads"] + count["writes"] + count["input_words"]
    turned = count["reads"] if skew else 0
    idle = max(0, report["cycles"] * macs - report["multiply_adds"])
    bank, w = size(hw["x_kib"] / banks, 24), size(hw["w_kib"], 16)
    bias, cell = size(.8 * hw["lstm_kib"], 16), size(.2 * hw["lstm_kib"], 16)
    unit = hw["lstm_lanes"] if hw["lstm_gates"] else 0

    mge = hw["mm2_per_mgate"] / 1e6
    beside = hw["input_words"] + 3 * unit
    area = {
        "x_memory": hw["sram_mm2_per_kib"] * hw["x_kib"] * hw["x_buffers"],
        "w_memory": hw["sram_mm2_per_kib"] * hw["w_kib"],
        "lstm_memory": hw["sram_mm2_per_kib"] * hw["lstm_kib"],
        "tables": mm2,
        "mac": mge * hw["mac_gates"] * macs,
        "address": mge * (hw["agu_gates"] * (3 + 2 * lanes + hw["macs_per_pe"] + beside + (2 if unit else 0))
                          + hw["place_gates"] * (lanes + hw["wb_words"] + beside)),
        "network": mge * banks * (hw["crossbar_gates"] * (hw["wb_words"] + beside)
                                  + hw["arbiter_gates"] * (lanes + hw["wb_words"] + 2 * beside)
                                  + (hw["rotator_gates"] * depth if skew else hw["crossbar_gates"] * lanes)),
        "drain": mge * hw["drain_gates"] * hw["wb_words"] * macs / 256,
        "round": mge * hw["round_gates"] * hw["wb_words"],
        "lstm": mge * (hw["lstm_gates"] + hw["lstm_table_gates"]) * unit,
    }
    energy = {
        "mac": hw["mac_pj"] * (report["multiply_adds"] + hw["mac_idle"] * idle),
        "address": hw["agu_pj"] * count["steps"] + hw["place_pj"] * words,
        "network": banks * (hw["crossbar_pj"] * (words - turned) + hw["arbiter_pj"] * (words + count["beside"]) + hw["rotator_pj"] * depth * turned / lanes),
        "tables": count["tables"],
        "drain": hw["drain_pj"] * macs / 256 * count["drained"],
        "round": hw["round_pj"] * count["drained"],
        "x_read": hw["x_read_pj"] * bank * (count["reads"] - count["spill_reads"]),
        "x_write": hw["x_write_pj"] * bank * (count["writes"] - count["spill_writes"] + count["input_words"]),
        "w_read": hw["w_read_pj"] * w * weights * hw["macs_per_pe"] / 16,
        "w_write": hw["w_write_pj"] * w * count["refill_words"] / 16,
        "lstm": (hw["lstm_pj"] + hw["lstm_table_pj"]) * count["units"],
        "lstm_memory": ((4 * bias + cell) * hw["w_read_pj"] + cell * hw["w_write_pj"]) / 16 * count["units"],
        "link": hw["link_pj_per_bit"] * 16 * (count["input_words"] + count["refill_words"] + count["spill_reads"] + count["spill_writes"]),
        "leakage": hw["leakage_mw_per_mm2"] * sum(area.values()) * report["cycles"] / hw["clock_hz"] * 1e9,
    }
    for mine, given in ((energy, report["energy_pj"]), (area, report["area_mm2"])):
        mine["total"] = sum(mine.values())
        if mine.keys() != given.keys():
            raise SystemExit(f"rows differ: {sorted(mine.keys() ^ given.keys())}")
        for row in mine:
            off = abs(mine[row] - given[row]) / max(abs(given[row]), 1e-300) if mine[row] != given[row] else 0
            if off > 1e-9:
                print(f"{row}: {mine[row]}, the report has {given[row]}", file=sys.stderr)
            worst = max(worst, off)
    return worst


if __name__ == "__main__":
    worst = sums(json.load(open(sys.argv[1])))
    print(f"{worst:.1e}")
    sys.exit(worst > 1e-9)
