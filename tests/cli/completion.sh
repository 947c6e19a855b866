#!/bin/bash
# fdht completion: the scripts are sourced by their shells and complete what the tables hold.
. "$(dirname "$0")/lib.sh"

fails "no shell" 2 "fdht completion: expected one shell: bash|zsh|fish (see fdht help completion)" "$FDHT" completion
fails "two shells" 2 "fdht completion: expected one shell: bash|zsh|fish (see fdht help completion)" \
    "$FDHT" completion bash zsh
fails "another shell" 2 "fdht completion: 'ksh' is not one of bash|zsh|fish (see fdht help completion)" \
    "$FDHT" completion ksh

works "bash" "$FDHT" completion bash
cp "$OUT" fdht.bash
# complete WORD..: what bash would offer for the last word
complete_words() {
    bash -uc '. ./fdht.bash
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _fdht
        printf "%s\n" ${COMPREPLY+"${COMPREPLY[@]}"}' - "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}
works "bash takes it" bash -uc '. ./fdht.bash && complete -p fdht'
commands=$("$FDHT" help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
same "all commands" "$(printf '%s\n' --version version help $commands | sort | tr '\n' ' ' | sed 's/ $//')" \
    "$(complete_words fdht '')"
same "a command by its beginning" completion "$(complete_words fdht comple)"
same "help completes commands" info "$(complete_words fdht help info)"
same "the shells" "bash fish zsh" "$(complete_words fdht completion '')"
same "choices" "always auto" "$(complete_words fdht info --color a)"
same "choices behind =" "always auto" "$(complete_words fdht info --color = a)"
same "presets" "$("$FDHT" info --presets --json | jq -r '.presets[].name' | sort | tr '\n' ' ' | sed 's/ $//')" \
    "$(complete_words fdht train --preset '')"
touch some.h5
same "files" some.h5 "$(complete_words fdht info som)"
for c in $commands; do
    # the long options of the help are exactly the long options offered
    want=$("$FDHT" help "$c" | grep -oE -- '^  (-.|  )(, |  )--[a-z0-9-]+' | grep -oE -- '--.*' | sort | tr '\n' ' ')
    got=$(complete_words fdht "$c" -- | tr ' ' '\n' | grep '^--' | tr '\n' ' ')
    same "$c: options" "$want" "$got"
done

works "zsh" "$FDHT" completion zsh
cp "$OUT" _fdht
has "zsh: a command" "$out" "'info:"
has "zsh: its choices" "$out" ":value:(auto always never)"
if command -v zsh > /dev/null; then
    works "zsh takes it" zsh -fc 'autoload -U compinit; compinit -u -D; . ./_fdht; [ "$_comps[fdht]" = _fdht ]'
else
    skip "zsh takes it" "no zsh here"
fi

works "fish" "$FDHT" completion fish
cp "$OUT" fdht.fish
has "fish: a command" "$out" "__fish_use_subcommand -f -a info"
if command -v fish > /dev/null; then
    works "fish takes it" fish --no-config -c 'source fdht.fish; complete -C "fdht info --col" | string match -q -- "--color*"'
else
    skip "fish takes it" "no fish here"
fi
tap_end
