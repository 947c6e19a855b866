/* weights/keras_layer.h - one layer of Keras' description as a node. Internal: not installed. */
#ifndef FDHT_WEIGHTS_KERAS_LAYER_H
#define FDHT_WEIGHTS_KERAS_LAYER_H

#include "weights/keras_json.h"

typedef struct fdht_wkeras {
    fdht_weights *w;
    fdht_wgraph *g;
    int major;    /* of Keras' version: which hard sigmoid; 0 = not known */
    bool by_path; /* weights are found by the path in the file (.weights.h5), else by the layer's name */
    const char *assumed;
    fdht_error *err;
} fdht_wkeras;

/* Where the weights of a layer are: by the name of the layer, `outer` the layer of the whole model that holds it (NULL:
 * it is one itself); or by path. */
typedef struct fdht_wplace {
    const char *outer, *name;
    char path[256];
} fdht_wplace;

/* Fill node `at` from {"class_name": .., "config": ..}. */
int fdht_w_keras_layer(fdht_wkeras *s, const cJSON *layer, const fdht_wplace *place, int at);
/* Remember a word on what was taken as is usual; the first one stands. */
int fdht_w_keras_assume(fdht_wkeras *s, const char *name, const char *what);

#endif
