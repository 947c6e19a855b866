# measure.sh - sourced by the demo's scripts: figures out of what fdht writes.

# accuracy FILE: the share of clips in infer's JSON Lines whose label is the folder they lie in: .../ACTION/CLIP.
accuracy() {
    sed -n 's/^.*"clip": *"\([^"]*\)".*$/\1\t&/p' "$1" | sed 's/\t.*{"clip[^,]*, *"label": *"\([^"]*\)".*/\t\1/' |
        awk -F '\t' '{ n = split($1, part, "/"); right += part[n - 1] == $2 } END { printf "%.3f", NR ? right / NR : 0 }'
}

# number KEY FILE: the first number with this key in a JSON document.
number() { grep -o "\"$1\":[[:space:]]*[-0-9.eE+]*" "$2" | head -1 | sed "s/.*:[[:space:]]*//"; }
