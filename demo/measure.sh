# measure.sh - sourced by the demo's scripts: figures out of what fdht writes. `fdht` is the command.

# score MODEL DATA [OPTIONS]: the share of labels that are right.
score() { fdht infer "$@" --score 2>&1 >/dev/null | awk '$1 == "accuracy" { printf "%.3f\n", $2 }'; }

# number KEY FILE: the first number with this key in a JSON document.
number() { grep -o "\"$1\":[[:space:]]*[-0-9.eE+]*" "$2" | head -1 | sed 's/.*:[[:space:]]*//'; }
