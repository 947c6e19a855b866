#!/bin/bash
# The network around the LSTMs through the command: what compress says is left out, --head, what info shows.
. "$(dirname "$0")/lib.sh"
cases=$TOP/tests/data/cases

works "a whole chain says nothing" "$FDHT" compress "$cases/autoencoder.h5" -o m.h5 --format tt --rank 1000 --json
json "the self-check compares the whole of it" '.self_check.output_difference < 1e-5' true
works "info of the weights" "$FDHT" info --json "$cases/autoencoder.h5"
json "its chain" '[.chain[].kind]' '["lstm","pool","repeat","lstm","pool","dense"]'
json "its output" '.output' '"linear"'
json "nothing left out" 'has("left_out")' false

run "$FDHT" compress "$cases/two_heads.h5" -o h.h5 --format tt --rank 1000
same "two heads: done" 0 "$status"
same "two heads: named" "fdht compress: warning: lstm (LSTM) is read by several layers: action (Dense), view (Dense): no head; the outputs are the last state of lstm" "$err"
run "$FDHT" compress "$cases/two_heads.h5" -o v.h5 --format tt --rank 1000 --head view
same "--head: done" 0 "$status"
has "--head: the other is named" "$err" "warning: action (Dense), an output of the model, is left out"
works "info of that model" "$FDHT" info --json v.h5
json "--head: two classes" '.n_classes' 2
works "info of two heads" "$FDHT" info --json "$cases/two_heads.h5"
json "left out in info" '.left_out | contains("view")' true
fails "--head of no layer" 2 "fdht compress: $cases/two_heads.h5: head \"out\" is not reached from lstm: lstm (LSTM) is read by several layers: action (Dense), view (Dense)" \
    "$FDHT" compress "$cases/two_heads.h5" -o n.h5 --format tt --rank 1000 --head out

run "$FDHT" compress "$cases/control_functional.h5" -o f.h5 --format tt --rank 1000
same "features" "fdht compress: warning: the inputs are the outputs of bn (BatchNormalization)" "$err"
fails "a cell that is not read" 3 "fdht compress: $cases/bi_lstm_gru.h5: /bi: only one of its two directions is an LSTM, the other is not read" \
    "$FDHT" compress "$cases/bi_lstm_gru.h5" -o g.h5 --format tt --rank 1000 --recurrent-activation sigmoid
fails "NaN" 3 "fdht compress: $cases/own_nan.h5: /model_weights/lstm/lstm/lstm_cell/kernel:0: the number at row 2, column 7 is not a number" \
    "$FDHT" compress "$cases/own_nan.h5" -o g.h5 --format tt --rank 1000
fails "NaN, streamed" 3 "fdht compress: $cases/own_nan.h5: /model_weights/lstm/lstm/lstm_cell/kernel:0: the number at row 2, column 7 is not a number" \
    "$FDHT" compress "$cases/own_nan.h5" -o g.h5 --format tt --rank 1000 --max-memory 1G
tap_end
