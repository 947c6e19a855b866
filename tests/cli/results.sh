#!/bin/bash
# make results: a tiny run leaves a record for each training, a second one does nothing again; the table is what the records say.
. "$(dirname "$0")/lib.sh"

export RENDER=${RENDER:-$TOP/build/demo/render} FDHT FLARE_ART=$PWD/art RESULTS_OUT=$PWD/out
export SEEDS=2 EPOCHS=1 CLIPS=16 CELLS="fdht tt fdht-taught-by-tt" SETTING=two THREADS=1 RATES="6e-3 3e-3"
"$TOP/tests/tools/flare-art" "$RENDER" art
before=$(git -C "$TOP" status --porcelain -- . ':!demo/results/runs' 2>/dev/null)
run "$TOP/demo/results/run"
same "it ends well" 0 "$status"
[ "$status" = 0 ] || said | sed 's/^/#   /'
same "a record for each run: both rates of seed 1, one of seed 2" 9 "$(find out/runs-1-16 -name '*.json' | wc -l)"
same "what a record holds" 9 "$(jq -s '[.[] | select(.schema == "fdht.results/1" and .setting == "two" and .test_clips == 16 and .epochs == 1
    and .test >= 0 and .test <= 1 and .one_frame == .125 and .fresh.clips == 16 and .fresh.test >= 0 and .fresh.test <= 1 and .parameters > 4000 and (.commit | length) > 0)] | length' out/runs-1-16/*.json)"
same "the teacher is in the record" tt "$(jq -r .teacher out/runs-1-16/two-fdht-taught-by-tt-6e-3-1.json)"
rate=$(jq -s 'max_by([.validation, -.validation_loss]).lr' out/runs-1-16/two-tt-*-1.json)
same "seed 2 has the rate that validated best" "$rate" "$(jq .lr out/runs-1-16/two-tt-*-2.json)"
has "the table" "$out" "| tt | 266,528 |"
has "what is missing" "$out" "| bt | missing |"
command -v gnuplot > /dev/null && there "the picture" out/accuracy-1-16.png || skip "the picture" "no gnuplot here"
cp out/accuracy-1-16.json first.json
run "$TOP/demo/results/run"
same "again: nothing is trained" "" "$(grep 'rate' "$ERR")"
rm -f out/two-16/tt-3e-3-1.h5 out/runs-1-16/two-tt-3e-3-1.json
run "$TOP/demo/results/run"
same "a record that is gone: that run alone" 1 "$(grep -c 'rate 3e-3, seed 1$' "$ERR")"
same "the same result" "$(jq -c '[.tries[] | [.cell, .lr, .seed, .validation, .test]]' first.json)" \
    "$(jq -c '[.tries[] | [.cell, .lr, .seed, .validation, .test]]' out/accuracy-1-16.json)"

# clips drawn anew: a record without them is made again where it is asked for, by the model that is there
record=out/runs-1-16/two-tt-3e-3-1.json
jq 'del(.fresh)' $record > bare.json && cp bare.json $record
run "$TOP/demo/results/run"
same "a record without fresh clips stays" "$(cat bare.json)" "$(cat $record)"
AGAIN=1 run "$TOP/demo/results/run"
same "AGAIN: it has them" 16 "$(jq .fresh.clips $record)"
same "nothing is trained" 0 "$(grep -c 'seed 1$' "$ERR")"
same "and all else is the same" "$(jq -S 'del(.date)' bare.json)" "$(jq -S 'del(.fresh, .date)' $record)"
same "other clips of the same gear: not those of the test" 0 "$(cmp -s out/two-16/test.h5 out/two-16/fresh-16.h5; echo $((1 - $?)))"
has "the column" "$out" "| accuracy | fresh clips |"
FRESH=-8 run "$TOP/demo/results/run"
same "FRESH that is no number" 2 "$status"
same "the tree is as it was" "$before" "$(git -C "$TOP" status --porcelain -- . ':!demo/results/runs' 2>/dev/null)"

# the preset brings the rate and epochs that were best here, unless its cell is changed or they are given
recipe() { # the rate, and of how many epochs the first is
    run fdht train out/two-16/train.h5 --val out/two-16/val.h5 --json -f -o recipe.h5 --threads 1 --patience 1 "$@"
    echo "$(jq -r .lr <<<"$out") $(sed -n 's|^epoch 1/\([0-9]*\) .*|\1|p' "$ERR")"
}
same "frames of 160x120x3: the preset's recipe" "0.006 120" "$(recipe)"
same "ranks of its own: the defaults" "0.003 40" "$(recipe --preset clips-fdht --rank 2)"
same "as given" "0.001 2" "$(recipe --preset clips-fdht --lr 1e-3 --epochs 2)"
recipe --checkpoint recipe.checkpoint >/dev/null
recipe --checkpoint recipe.checkpoint --resume >/dev/null
same "a run that goes on has the same recipe" 0 "$status"

# the committed table and README are what the committed records say
mkdir -p copy/demo/results && cp "$TOP"/demo/results/{report,table.jq} copy/demo/results/ && cp -r "$TOP/demo/results/runs" copy/demo/results/
cp "$TOP/README.md" copy/
run copy/demo/results/report
for file in demo/results/accuracy.md demo/results/tried.md README.md; do
    same "what the committed records say: $file" "" "$(diff "$TOP/$file" copy/$file)"
done
# and so is what README.md says at its top, and each row of the page's table of eight view directions
row() { # CELL EXPRESSION
    jq -r --arg cell "$1" ".rows[] | select(.setting == \"eight\" and .cell == \$cell) | $2" copy/demo/results/accuracy.json
}
percent() { awk '{ printf "%.1f", $1 * 100 }'; }
comma() { sed -E 's/([0-9])([0-9]{3})$/\1,\2/; s/([0-9])([0-9]{3}),/\1,\2,/'; }
words() { sed 's/^1$/one seed/; s/^2$/mean of two seeds/; s/^3$/mean of three seeds/'; }
rivals=$(for cell in tt ht tr bt; do row $cell+long .fresh.test.mean; done | sort -n)
top="**$(row fdht .parameters | comma) numbers** (\`--preset clips-fdht\`, $(fdht info --preset clips-fdht --json | jq .hidden_size) units, $(row fdht+long .epochs) epochs) labels **$(row fdht+long .fresh.test.mean | percent) %** right, $(row fdht+long .test.n | words)"
same "README's first figures" 1 "$(tr '\n' ' ' < "$TOP/README.md" | grep -cF "$top")"
same "README's figures of the rivals" 1 "$(tr '\n' ' ' < "$TOP/README.md" |
    grep -cF "265,000 numbers $(head -1 <<<"$rivals" | percent) to $(tail -1 <<<"$rivals" | percent) %")"
page() { # CELL FIGURES: the row of the page
    local said
    said=$(row "$1" "[$2] | map(if . == null then \"-\" else . * 1000 | round / 1000 end | tostring) | join(\" \")" |
        awk '{ for (i = 1; i <= NF; i++) if ($i != "-") $i = sprintf("%.3f", $i); gsub(/(^| )0\./, " ."); sub(/^ /, ""); print }')
    same "fdht-train.1: $1" 1 "$(tr -s ' ' < "$TOP/man/fdht-train.1" | grep -c " $(row "$1" .parameters | comma) $said$")"
}
for cell in fdht fdht+long fdht-h256 fdht-h1024 tt tt+long bt bt+long ht ht+long tr tr+long dense {tt,ht}-h{16,32,128} tt-h64; do
    page $cell ".test.mean, .fresh.test.mean, .training.mean, .shuffled.mean"
done
for cell in fdht-h256-own-rank{2,4,6,12,12+mild,16} fdht-h256-own; do
    page $cell ".test.mean, .fresh.test.mean, .training.mean"
done

# the table from records made by hand
mkdir -p hand/runs-7-7
one() { # FILE CELL SEED LR VALIDATION TEST
    printf '{"setting":"eight","cell":"%s","seed":%s,"lr":%s,"parameters":1234567,"validation":%s,"validation_loss":1,"test":%s,"training":1,
        "shuffled":0.25,"one_frame":0.125,"seconds":10,"clips":7,"test_clips":100,"epochs":7,"teacher":null,"commit":"c","machine":"m"}' \
        "${@:2}" > "hand/runs-7-7/$1.json"
}
one a ht 1 6e-3 .8 .5
one b ht 1 3e-3 .9 .6
one c ht 2 3e-3 .1 .9
one d ht 3 3e-3 .2 .75
one e ht 2 6e-3 .99 .99
one f bt 2 6e-3 .99 .99
run "$TOP/demo/results/report" hand/runs-7-7
has "mean and range of the rate that seed 1 chose" "$out" "| ht | 1,234,567 | .750 (.600-.900) | - | 3 | 1.000 | .250 | .125 | 3e-3 | 10 | .872 | 1,245 |"
has "without seed 1 there is no choice" "$out" "| bt | missing |"
same "every try is kept" 6 "$(jq '.tries | length' hand/accuracy-7-7.json)"
run "$TOP/demo/results/run" three
same "a setting that is none" 2 "$status"
CELLS=lstm run "$TOP/demo/results/run"
same "a cell that is none" 2 "$status"
SEEDS=x run "$TOP/demo/results/run"
same "a number that is none" 2 "$status"
tap_end
