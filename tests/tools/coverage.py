#!/usr/bin/env python3
"""coverage.py COUNTS.json UNCOVERED - figures a folder from gcovr's counts, and a file with what was not reached."""
import json
import re
import sys

# A line that only passes on an error, mostly of memory, or that cannot be reached while there is memory.
PASSES_ON = re.compile(r"ENOMEM|if \(status\)|if \(rc\)|!status|!rc\b|status \|\||\(status = |\(rc = |if \(![\w>.\[\]-]+( \|\| ![\w>.\[\]-]+)*\)\s*$")
NAME = re.compile(r"([\w)]+)\)?\s*\(")


def functions(path):
    """(first line, last line, name) of each function, as .clang-format lays them out."""
    with open(path) as f:
        text = f.read().split("\n")
    out, start = [], 0
    for i, line in enumerate(text):
        if line.startswith("{"):
            start = i
        elif line.startswith("}") and start:
            k = start - 1
            while k > 0 and text[k][:1] in (" ", "\t", ")"):
                k -= 1
            found = re.findall(r"(R\(\w+\)|\w+)\s*\(", text[k])
            out.append((k + 1, i + 1, found[0] if found else text[k]))
            start = 0
    return out, text


def ranges(numbers):
    out = []
    for n in numbers:
        if out and n <= out[-1][1] + 2:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def share(part, whole):
    return f"{100 * part / whole:5.1f} % of {whole:6d}" if whole else "    - %          "


def main():
    with open(sys.argv[1]) as f:
        counts = json.load(f)
    total, missing = {}, open(sys.argv[2], "w")
    for file in sorted(counts["files"], key=lambda f: f["file"]):
        path, lines = file["file"], [l for l in file["lines"] if not l.get("gcovr/noncode")]
        spans, text = functions(path)
        sums = [0] * 6
        unreached, half = {}, {}
        for l in lines:
            branches = [b for b in l["branches"]]
            taken = sum(b["count"] > 0 for b in branches)
            passes = PASSES_ON.search(text[l["line_number"] - 1])
            for i, v in enumerate((l["count"] > 0, 1, taken, len(branches), 0 if passes else taken, 0 if passes else len(branches))):
                sums[i] += v
            where = next((s[2] for s in spans if s[0] <= l["line_number"] <= s[1]), "-")
            if l["count"] == 0:
                unreached.setdefault(where, []).append(l["line_number"])
            elif taken < len(branches) and not passes:
                half.setdefault(where, []).append(l["line_number"])
        for key in ("/".join(path.split("/")[:2]) + "/", path.split("/")[0] + "/", "all"):
            t = total.setdefault(key, [0] * 6)
            total[key] = [a + b for a, b in zip(t, sums)]
        if unreached or half:
            print(f"{path}: lines {share(sums[0], sums[1])}, branches {share(sums[2], sums[3])}", file=missing)
            for where in dict.fromkeys([*unreached, *half]):
                said = []
                if where in unreached:
                    said.append("not reached " + ranges(unreached[where]))
                if where in half:
                    said.append("one way only " + ", ".join(map(str, half[where])))
                print(f"  {where}: " + "; ".join(said), file=missing)
    missing.close()
    print(f"{'':22s} {'lines':19s} {'branches':19s} branches but those that pass errors on")
    for key, t in sorted(total.items(), key=lambda x: (x[0] == "all", x[0])):
        print(f"{key:22s} {share(t[0], t[1])}  {share(t[2], t[3])}  {share(t[4], t[5])}")
    print(f"what is not reached: {sys.argv[2]}")


main()
