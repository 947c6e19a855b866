#!/bin/bash
# Trained LSTMs of others: the ones inside Silero VAD (npm package @ricky0123/vad-web, ONNX). They are read, compressed at
# several sizes and exported; error against ratio is printed. Skips where package or tools are not to be had: VAD_WEB
# names the package's .tgz, otherwise npm fetches it (never with FDHT_OFFLINE set).
. "$(dirname "$0")/lib.sh"
python=/usr/bin/python3
package=@ricky0123/vad-web@0.0.31

fetch() {
    if [ -n "${VAD_WEB:-}" ]; then
        cp "$VAD_WEB" vad.tgz
    elif [ -z "${FDHT_OFFLINE:-}" ] && command -v npm > npm.txt; then
        timeout 120 npm pack "$package" > npm.txt 2>&1 && mv ./*vad-web*.tgz vad.tgz
    fi
    [ -s vad.tgz ]
}

if ! "$python" -c 'import h5py, numpy' 2> python.txt; then
    skip "Silero VAD" "python3-h5py and python3-numpy are not here"
elif ! fetch; then
    skip "Silero VAD" "npm package $package cannot be had"
else
    tar xzf vad.tgz
    for version in legacy v5; do
        "$python" "$TOP/tests/real/onnx_lstm.py" package/dist/silero_vad_$version.onnx ./$version- > files.txt 2>&1
        same "$version: files" "./$version-0.h5 ./$version-1.h5" "$(tr '\n' ' ' < files.txt | sed 's/ $//')"
    done
    works "legacy: info" fdht info --json legacy-0.h5
    json "legacy: a stack of two" '[.stack, (.layers[] | [.layout, .input_size, .hidden_size])]' \
        '[true,["onnx",64,64],["onnx",64,64]]'
    works "v5: info" fdht info --json v5-0.h5
    json "v5: one layer" '[.layers[] | [.layout, .input_size, .hidden_size]]' '[["onnx",128,128]]'

    for file in legacy-0 v5-0; do
        for format in ht fdht tt; do
            last=0
            for ratio in 1 2 4 8; do
                run fdht compress -q --json "$file.h5" -o model.h5 -f --format $format --ratio $ratio
                same "$file $format, ratio $ratio: status" 0 "$status"
                read -r got error bound < <(jq -r '"\(.ratio) \(.error_rel) \(.bound_rel)"' "$OUT")
                printf '# %-9s %-5s 1/%-6.2f weight error %.3f (bound %.3f)\n' $file $format "$got" "$error" "$bound"
                awk -v g="$got" -v r=$ratio -v e="$error" -v b="$bound" -v l=$last \
                    'BEGIN { exit !(g >= r && e <= b && e <= 1 && e + 1e-9 >= l) }' &&
                    pass "$file $format, ratio $ratio: small enough, below its bound, no better than the larger one" ||
                    fail "$file $format, ratio $ratio: $got, error $error (before: $last), bound $bound"
                last=$error
            done
        done
        run fdht compress -q --json "$file.h5" -o full.h5 -f --format ht --tol 1e-6
        json "$file: full rank" '.error_rel < 1e-6' true
        works "$file: export" fdht export full.h5 -o back.h5 -f --layout pytorch
        run fdht info --json back.h5
        json "$file: the same sizes" "[.layers[] | .hidden_size] | unique" "[$([ $file = v5-0 ] && echo 128 || echo 64)]"
    done
fi
tap_end
