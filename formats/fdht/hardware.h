/* fdht/hardware.h - machines and workloads of the accelerator model as JSON files (fdht-hw.5). Nothing here keeps global
 * state: any function may be called from any thread. */
#ifndef FDHT_HARDWARE_H
#define FDHT_HARDWARE_H

#include <stdio.h>

#include "fdht/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A machine with where each of its values comes from. */
enum { FDHT_SOURCE_SIZE = 96 };
typedef struct fdht_hardware {
    fdht_sim_hw hw;
    /* of the value of fdht_sim_keys' entry i: "published: ..", "derived: ..", "chosen: ..", "set by the user" */
    char source[FDHT_SIM_KEYS][FDHT_SOURCE_SIZE];
} fdht_hardware;

/* A built-in machine ("tie", "fdht", ..), else the file of this name:
 *
 *     {"schema": "fdht-hw-1", "name": .., "base": NAME, KEY: value, KEY: {"value": value, "source": ".."}, ..}
 *
 * with the keys of fdht_sim_keys; base is a built-in machine (tie if not said) that gives all other values and their
 * sources. FDHT_EFORMAT names file and key; FDHT_EVERSION for another schema; FDHT_ENOENT, FDHT_EIO. */
FDHT_API int fdht_hardware_open(const char *arch, fdht_hardware *out, fdht_error *err);
/* fdht_sim_hw_set; where that changes the value its source becomes "set by the user". Errors as fdht_sim_hw_set. */
FDHT_API int fdht_hardware_set(fdht_hardware *m, const char *key, const char *value, fdht_error *err);
/* The machine alone, of a file. Errors as fdht_hardware_open. */
FDHT_API int fdht_hardware_read(const char *path, fdht_sim_hw *out, fdht_error *err);
/* The machine alone, built in. FDHT_ENOENT for another name. */
FDHT_API int fdht_sim_hw_named(const char *name, fdht_sim_hw *out, fdht_error *err);

/* {"schema": "fdht-workload-1", "name": .., "format": "tt"|"ht"|"fdht", "in_modes": [..], "out_modes": [..],
 *  "gates": 1|4, "steps": T,
 *  tt:       "ranks": [1,..,1],
 *  ht, fdht: "tree": "((1,2),(3,4))", "leaf_ranks": [..], "inner_ranks": [..] (post-order, without the root),
 *  fdht:     "hidden_box": [..], "enlarge": [..]}
 *
 * out_modes are those of the whole matrix, all gates; fdht with four gates is a whole LSTM, anything else a matrix times
 * vectors (fdht with one gate: the matrix over [x;h]). Errors as fdht_hardware_read. */
FDHT_API int fdht_workload_read(const char *path, fdht_workload *out, fdht_error *err);

/* A mapping: the order of a program, the order of its legs, and where every tensor lies in `banks` banks. All of a tensor's
 * strides and skews, by the legs' names:
 *
 *     {"schema": "fdht-mapping-1", "workload": .., "banks": 32, "x": CHAIN, "h": CHAIN}
 *     CHAIN:  {"stages": [STAGE, ..], "tensors": [TENSOR, ..]}
 *     STAGE:  {"cores": "leaf_1*inner_1_2", "rows": ["out1", ..], "inner": [..], "columns": [..], "lane_legs": 0,
 *              "drain": "column"|"row"}
 *     TENSOR: {"bank": "skew", "words": .., "lines": .., "legs": [LEG, ..], "table": [..]}
 *     LEG:    {"leg": "in1", "extent": .., "stride": .., "skew": ..}
 *
 * Stage i reads tensor i and writes tensor i + 1; table, where bank is table, holds bank + banks * line of every address. */

/* Write the mapping of a mapped program; workload is a name for the file. FDHT_EIO. */
FDHT_API int fdht_mapping_write(FILE *f, const char *workload, const fdht_sim_program *p, size_t banks,
                                fdht_error *err);
/* Read one of so many banks (0: of any), for FDHT_ORDER_GIVEN and fdht_sim_map_as: a program of stages without weights. Free with fdht_program_free.
 * Whether it fits a workload those say. FDHT_EFORMAT names file and place: not such a file, a number out of range, other
 * banks than these; FDHT_EVERSION, FDHT_ENOENT, FDHT_EIO, FDHT_ENOMEM. */
FDHT_API int fdht_mapping_read(const char *path, size_t banks, fdht_sim_program *out, fdht_error *err);

/* What a JSON file says it is: "fdht-hw-1", "fdht-workload-1", "fdht-mapping-1", "" if it says nothing. buf is always terminated.
 * FDHT_EFORMAT: not a JSON object; FDHT_ENOENT, FDHT_EIO. */
FDHT_API int fdht_json_schema(const char *path, char *buf, size_t size, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
