/* fdht/preset.h - models and layers by name: published ones, and shapes chosen here.
 *
 * Publications count the tt, tr, bt and ht cells by their input map alone, all four gates, without biases; the gates
 * multiply the first output mode (lib/README.md section 3.3). The exact shapes of the published FDHT models are not
 * known: the shapes of the fdht presets were chosen here. tie-* are single layers (tensor train workloads of an
 * accelerator), not models. All functions may be called by any thread. */
#ifndef FDHT_PRESET_H
#define FDHT_PRESET_H

#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fdht_preset {
    const char *name, *description; /* static storage */
    bool layer;                     /* a map alone: only cell.op is set */
    fdht_cell_spec cell;            /* placed (fdht_cell_place) if it is an fdht cell */
    fdht_frame_spec frame;          /* mean 0, std 1: the data says */
    size_t classes;                 /* of the data set it is named after; 0: any */
    double lr;                      /* rate and epochs that trained it best of those tried (demo/results); */
    int epochs;                     /* 0: not known, the defaults of training */
} fdht_preset;

/* How many there are. */
FDHT_API int fdht_presets(void);
/* 0 <= i < fdht_presets(), else NULL. Static storage. */
FDHT_API const char *fdht_preset_name(int i);
/* FDHT_EINVAL with all names if there is none of this name. */
FDHT_API int fdht_preset_get(const char *name, fdht_preset *out, fdht_error *err);
/* Numbers in the cores of the preset's map: the count that publications give. FDHT_ENOMEM. */
FDHT_API int fdht_preset_parameters(const fdht_preset *p, size_t *out, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
