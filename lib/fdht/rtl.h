/* fdht/rtl.h - what the accelerator in SystemVerilog (lib/sim/rtl) needs to run a program as fdht_sim_run does: its parameters
 * and the images of its memories. README.md there says how they go together.
 *
 * Threads. As fdht/sim.h. */
#ifndef FDHT_RTL_H
#define FDHT_RTL_H

#include "fdht/sim.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FDHT_RTL_PARAMETERS = 20, FDHT_RTL_IMAGES = 8 };

/* A parameter of the machine, "N_PE"; in the header a macro FDHT_N_PE. Sizes of memories are rounded up to powers of two, so that
 * small programs share a machine. */
typedef struct fdht_rtl_parameter {
    const char *name;
    size_t value;
    const char *text;
} fdht_rtl_parameter;

/* The content of a memory: lines of a_line words of 16 bits, the least significant word of a line first. */
typedef struct fdht_rtl_image {
    const char *name; /* "weights": the file weights.hex */
    size_t a_line, lines;
    uint16_t *word; /* (lines, a_line), owned by the fdht_rtl */
} fdht_rtl_image;

typedef struct fdht_rtl {
    fdht_rtl_parameter parameter[FDHT_RTL_PARAMETERS];
    /* descriptors of the stages, records of the run, weights in the weight memory, weights that the host sends, biases, tables of
     * the LSTM unit, the inputs in the order in which they are taken, and the place of each word of an input: bank + banks * line,
     * and 2^31 where memory has no room for it */
    fdht_rtl_image image[FDHT_RTL_IMAGES];
} fdht_rtl;

/* The images of a mapped program for what io runs (x, steps and clips are read). FDHT_ENOSUP names what of machine or program the
 * RTL does not build; FDHT_EINVAL as fdht_sim_run, FDHT_ENOMEM. Free with fdht_rtl_free; nothing to free after an error. */
FDHT_API int fdht_rtl_new(const fdht_sim_program *p, const fdht_sim_hw *hw, const fdht_sim_io *io,
                          fdht_rtl *out, fdht_error *err);
/* Frees what it owns; NULL allowed. */
FDHT_API void fdht_rtl_free(fdht_rtl *r);

#ifdef __cplusplus
}
#endif
#endif
