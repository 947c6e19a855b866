#!/bin/bash
# run.sh [TEST.sh ..] - the tests of the command line, all by default. `make cli-tests` builds first.
top=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || for t in "$top"/tests/cli/*.sh; do
    case $t in */lib.sh | */run.sh) ;; *) set -- "$@" "$t" ;; esac
done
exec "$top/tests/tools/tap" "$@"
