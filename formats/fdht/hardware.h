/* fdht/hardware.h - machines and workloads of the accelerator model as JSON files (fdht-hw.5). Nothing here keeps global
 * state: any function may be called from any thread. */
#ifndef FDHT_HARDWARE_H
#define FDHT_HARDWARE_H

#include "fdht/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"schema":"fdht-hw-1", "name":.., "base":"tie"|"fdht" (default tie), KEY: value, ..} with the keys of fdht_sim_keys.
 * FDHT_EFORMAT names file and key; FDHT_EVERSION for another schema; FDHT_ENOENT, FDHT_EIO. */
FDHT_API int fdht_hardware_read(const char *path, fdht_sim_hw *out, fdht_error *err);

/* {"schema": "fdht-workload-1", "name": .., "format": "tt"|"ht"|"fdht", "in_modes": [..], "out_modes": [..],
 *  "gates": 1|4, "steps": T,
 *  tt:       "ranks": [1,..,1],
 *  ht, fdht: "tree": "((1,2),(3,4))", "leaf_ranks": [..], "inner_ranks": [..] (post-order, without the root),
 *  fdht:     "hidden_box": [..], "enlarge": [..]}
 *
 * out_modes are those of the whole matrix, all gates; fdht with four gates is a whole LSTM, anything else a matrix times
 * vectors (fdht with one gate: the matrix over [x;h]). Errors as fdht_hardware_read. */
FDHT_API int fdht_workload_read(const char *path, fdht_workload *out, fdht_error *err);

/* What a JSON file says it is: "fdht-hw-1", "fdht-workload-1", "" if it says nothing. buf is always terminated.
 * FDHT_EFORMAT: not a JSON object; FDHT_ENOENT, FDHT_EIO. */
FDHT_API int fdht_json_schema(const char *path, char *buf, size_t size, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
