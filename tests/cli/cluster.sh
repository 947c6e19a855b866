#!/bin/bash
# The commands of fdht-cluster.7 under GNU parallel and mpirun, each as the page has it. Those of Slurm: tests/tools/slurm.
. "$(dirname "$0")/lib.sh"
page=$TOP/man/fdht-cluster.7
lines() { "$TOP/tests/tools/page-lines" "$page" "$1"; }
cp "$TOP/tests/data/bars.h5" DATA.h5
cp -r "$TOP/tests/data/bars" PARTS
works "a model" fdht train DATA.h5 -q -o ONE.h5 --epochs 2
cp ONE.h5 MODEL.h5
fdht infer ONE.h5 DATA.h5 > one.jsonl

if command -v parallel > /dev/null; then
    same "parallel: a command" 1 "$(lines parallel | wc -l)"
    run timeout 100 bash -c "$(lines parallel)"
    same "parallel: status" 0 "$status"
    same "parallel: the records of one process" "$(md5sum < one.jsonl)" "$(paste -d '\n' part.?.jsonl | sed '/^$/d' | md5sum)"
    head -n 7 part.2.jsonl > part.2.jsonl.partial
    head -c 30 part.3.jsonl >> part.2.jsonl.partial
    rm part.2.jsonl
    run timeout 100 bash -c "$(lines parallel)"
    same "parallel: a shard that was killed loses and doubles nothing" "$(md5sum < one.jsonl)" "$(paste -d '\n' part.?.jsonl | sed '/^$/d' | md5sum)"
else
    skip "the lines of parallel" "no parallel here"
fi

if ! command -v mpirun > /dev/null || ! ldd "$FDHT" | grep -q libmpi; then
    skip "the lines of mpirun" "no mpirun here, or built without MPI (./configure --with-mpi)"
    tap_end
    exit
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
fdht simulate ONE.h5 --search > search-one.txt
while read -r line; do
    [[ $line == *"train"* ]] && rm -f MODEL.h5 || cp ONE.h5 MODEL.h5
    [[ $line == *"-o all.jsonl"* ]] && head -n 9 one.jsonl > all.jsonl.partial && rm -f all.jsonl
    run timeout 100 bash -c "${line/fdht train/fdht train --epochs 2}" < /dev/null
    same "$line: status" 0 "$status"
    case $line in
    *infer*) same "$line: the records of one process" "$(md5sum < one.jsonl)" "$(md5sum < all.jsonl)" ;;
    *simulate*) same "$line: the table of one process" "$(cat search-one.txt)" "$(cat search.txt)" ;;
    *PARTS*) same "$line: the values of one process" "$(fdht infer ONE.h5 DATA.h5 --logits)" "$(fdht infer MODEL.h5 DATA.h5 --logits)" ;;
    *) same "$line: the model of one process" "$(md5sum < ONE.h5)" "$(md5sum < MODEL.h5)" ;;
    esac
done < <(lines mpirun)
tap_end
