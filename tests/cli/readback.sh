#!/bin/bash
# A byte that does not reach the file as it was written: status 1, one line, no file. Every command that writes files; its first, its
# last and a write in the middle, or all of them (ALL=1); pwrite is exchanged by LD_PRELOAD. And the same input gives the same
# bytes a second later.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
B=$TOP/tests/data/bars.h5
cat > flip.c << 'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static long count;
/* FLIP_AT=N: one bit of the N-th pwrite is another; COUNT=FILE: how many there were */
ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    static ssize_t (*next)(int, const void *, size_t, off_t);
    const char *want = getenv("FLIP_AT");
    if (!next)
        next = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    if (!n || !want || ++count != atol(want))
        return next(fd, data, n, at);
    char *copy = malloc(n);
    memcpy(copy, data, n);
    copy[n / 2] ^= 16;
    ssize_t put = next(fd, copy, n, at);
    free(copy);
    return put;
}
ssize_t pwrite64(int fd, const void *data, size_t n, off_t at) { return pwrite(fd, data, n, at); }
__attribute__((destructor)) static void tell(void)
{
    FILE *f = count && getenv("COUNT") ? fopen(getenv("COUNT"), "w") : NULL;
    if (f) {
        fprintf(f, "%ld\n", count);
        fclose(f);
    }
}
END
${CC:-cc} -O1 -shared -fPIC -w -o flip.so flip.c -ldl 2> /dev/null || {
    skip "reading back" "no compiler"
    tap_end
    exit
}
[[ ${BUILD:-} == *address* || ${BUILD:-} == *thread* ]] && {
    skip "reading back" "a sanitizer wants to be loaded first"
    tap_end
    exit
}
M="--in-modes 8,8,3 --out-modes 4,4,2 --hidden 8 --rank 4 -q"
"$FDHT" train "$B" $M --epochs 1 -o model.h5 > log
"$FDHT" export model.h5 --layout pytorch -o weights.h5
echo '{"schema":"fdht-workload-1","name":"w","format":"tt","in_modes":[3,5,7],"out_modes":[2,11,13],"ranks":[1,3,3,1]}' > w.json

# writes NAME FILE CMD.. - FILE is what CMD writes
writes() {
    local name=$1 file=$2 n total bad= tried=0 before left
    shift 2
    rm -f "$file" count
    FLIP_AT=-1 COUNT=$PWD/count LD_PRELOAD=$PWD/flip.so run "$@"
    total=$(cat count 2> /dev/null || echo 0)
    [ "$status" = 0 ] && [ -e "$file" ] && [ "$total" -gt 0 ] || {
        fail "$name: $total writes" "$(said)"
        return
    }
    cp "$file" first
    rm -f "$file"
    sleep 1.1
    run "$@"
    cmp -s "$file" first && pass "$name: the same bytes a second later" || fail "$name: the same bytes a second later" "$(cmp "$file" first 2>&1)"
    rm -f "$file" count
    before=$(ls -A)
    for n in $([ -n "${ALL:-}" ] && seq "$total" || printf '%d\n' 1 $(((total + 1) / 2)) "$total" | sort -nu); do
        tried=$((tried + 1))
        FLIP_AT=$n LD_PRELOAD=$PWD/flip.so run "$@"
        left=$(comm -13 <(sort <<< "$before") <(ls -A | sort) | grep -v '\.partial\(\.log\)\?$')
        [ "$status" = 1 ] && grep -qE "not what is read back|Input/output error" "$ERR" && [ -z "$left" ] ||
            bad+="write $n of $total: status $status, left '$left', $(tail -1 "$ERR")"$'\n'
        rm -f "$file" "$file".partial*
    done
    [ -z "$bad" ] && pass "$name: each of $tried spoilt writes is seen" || fail "$name: each of $tried spoilt writes is seen" "$bad"
}
writes "train" o.h5 "$FDHT" train "$B" $M --epochs 1 -o o.h5
writes "compress" o.h5 "$FDHT" compress weights.h5 --format ht --rank 2 -o o.h5
writes "compress --csv" o.csv "$FDHT" compress weights.h5 --format ht --dry-run --csv o.csv
for layout in keras pytorch hdf5 safetensors onnx onnx-compressed; do
    writes "export $layout" o.out "$FDHT" export model.h5 --layout $layout -o o.out
done
writes "pack" o.h5 "$FDHT" pack "$B" -o o.h5
writes "infer" o.jsonl "$FDHT" infer model.h5 "$B" --format jsonl -o o.jsonl
writes "simulate --csv" o.csv "$FDHT" simulate w.json --csv o.csv
writes "simulate --trace" o.csv "$FDHT" simulate w.json --trace o.csv
writes "simulate --write-mapping" o.json "$FDHT" simulate w.json --write-mapping o.json
for kind in png svg; do # a PDF holds the second it was made in
    if command -v gnuplot > /dev/null; then
        writes "train --plot $kind" o.$kind "$FDHT" train "$B" $M --epochs 2 -o o.h5 --plot o.$kind --force
    else
        skip "train --plot $kind" "no gnuplot"
    fi
done
tap_end
