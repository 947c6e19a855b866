#!/usr/bin/env python3
"""coverage.py BUILD UNCOVERED - figures a folder from the counts that gcov finds below BUILD, and a file that lists what was not reached."""
import json
import pathlib
import re
import subprocess
import sys

# A line that only passes an error on, mostly that memory ends.
PASSES_ON = re.compile(
    r"ENOMEM|\bif \(!?(status|rc)\)|!(status|rc)\b|\((status|rc) = |(status|rc) \|\||\bif \(![\w>.\[\]-]+( \|\| ![\w>.\[\]-]+)*\)\s*$"
)
FOLDERS = ("lib", "formats", "cli")


def read(build):
    """{path: {line: [count, {function}, [branch counts]]}}, the copies of a line (templates, headers) added up."""
    lines = {}
    for note in sorted(pathlib.Path(build).glob("*/**/*.gcno")):
        if note.relative_to(build).parts[0] not in FOLDERS:
            continue
        out = subprocess.run(["gcov", "-b", "-j", "-t", str(note)], capture_output=True, check=True).stdout
        for part in out.splitlines():
            for file in json.loads(part)["files"]:
                path = file["file"]
                if path.startswith("/") or path.split("/")[0] not in FOLDERS:
                    continue
                for l in file["lines"]:
                    one = lines.setdefault(path, {}).setdefault(l["line_number"], [0, {}, {}])
                    one[0] += l["count"]
                    one[1][l.get("function_name", "-")] = True
                    new = [b["count"] for b in l["branches"]]
                    old = one[2].setdefault(len(new), [0] * len(new))
                    for i, n in enumerate(new):
                        old[i] += n
    return lines


def ranges(numbers):
    out = []
    for n in sorted(numbers):
        if out and n <= out[-1][1] + 2:
            out[-1][1] = n
        else:
            out.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def share(part, whole):
    return f"{100 * part / whole:5.1f} % of {whole:6d}" if whole else "-".rjust(16)


def main():
    total = {}
    with open(sys.argv[2], "w") as missing:
        for path, lines in sorted(read(sys.argv[1]).items()):
            text = pathlib.Path(path).read_text().split("\n")
            sums, unreached, half = [0] * 6, {}, {}
            for number, (count, names, branches) in sorted(lines.items()):
                taken = [n > 0 for b in branches.values() for n in b]
                plain = [] if number <= len(text) and PASSES_ON.search(text[number - 1]) else taken
                for i, v in enumerate((count > 0, 1, sum(taken), len(taken), sum(plain), len(plain))):
                    sums[i] += v
                name = sorted(names)[0]
                if count == 0:
                    unreached.setdefault(name, []).append(number)
                elif sum(plain) < len(plain):
                    half.setdefault(name, []).append(number)
            folder = path.split("/")
            for key in ("/".join(folder[:2]) + "/" if len(folder) > 2 else folder[0] + "/.", folder[0] + "/", "all"):
                total[key] = [a + b for a, b in zip(total.get(key, [0] * 6), sums)]
            if unreached or half:
                print(f"{path}: lines {share(*sums[:2])}, branches {share(*sums[2:4])}", file=missing)
            for name in {**unreached, **half}:
                said = []
                if name in unreached:
                    said.append("not reached " + ranges(unreached[name]))
                if name in half:
                    said.append("one way only " + ", ".join(map(str, half[name])))
                print(f"  {name}: " + "; ".join(said), file=missing)
    print(f"{'':18} {'lines':17}  {'branches':17}  branches without those that pass errors on")
    for key, t in sorted(total.items(), key=lambda x: (x[0] == "all", x[0])):
        print(f"{key:18} {share(*t[:2])}  {share(*t[2:4])}  {share(*t[4:])}")
    print(f"what is not reached: {sys.argv[2]}")


main()
