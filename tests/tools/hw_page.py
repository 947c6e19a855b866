#!/usr/bin/env python3
"""Whether man/fdht-hw.5 has the values and sources of the built-in machines: hw_page.py MACHINES PAGE [--write]; --write puts them there."""
import json
import os
import re
import sys


def machine(folder, name):
    """Keys of a machine with its base: (value, source)."""
    text = json.load(open(os.path.join(folder, name + ".json")), parse_float=str, parse_int=str)
    keys = machine(folder, text["base"]) if "base" in text else {}
    keys.update({k: (v["value"], v["source"]) for k, v in text.items() if isinstance(v, dict)})
    return keys


def main(folder, page, write=None):
    tie, fdht = machine(folder, "tie"), machine(folder, "fdht")
    seen, wrong = set(), []

    def entry(m):
        head, key, units = m.group(1), m.group(2), re.findall(r"(?:tie|fdht) \S+?( [^;]*?)?(?:;|\.$)", m.group(3), re.M)
        if key not in tie:
            wrong.append(f"{key}: no such key")
            return m.group(0)
        seen.add(key)
        source = tie[key][1] + (f"; fdht {fdht[key][1]}" if fdht[key][1] != tie[key][1] else "")
        want = f"{head}Default: tie {tie[key][0]}{units[0]}; fdht {fdht[key][0]}{units[0]}.\n.br\nSource: {source}.\n"
        if want != m.group(0):
            wrong.append(f"{key}: expected\n{want}")
        return want
    text = open(page).read()
    new = re.sub(r"(^\.It Li (\w+)\n[^\n]*(?:\n(?!\.It)[^\n]*)*?\n\.br\n)(Default: [^\n]*\n)\.br\nSource: [^\n]*\n", entry, text, flags=re.M)
    missing = sorted(set(tie) - seen)
    if write and not missing:
        open(page, "w").write(new)
        return 0
    for line in [f"{k}: not in the page" for k in missing] + wrong:
        print(line, file=sys.stderr)
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
