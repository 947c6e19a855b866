/* weights/keras_json.h - small readers of the JSON that Keras writes. Internal: not installed. */
#ifndef FDHT_WEIGHTS_KERAS_JSON_H
#define FDHT_WEIGHTS_KERAS_JSON_H

#include <cjson/cJSON.h>

#include "weights/topology.h"

/* Parse what Python's json writes: NaN, Infinity and -Infinity are taken as null. NULL: not JSON, or no memory. Free
 * with cJSON_Delete. */
cJSON *fdht_w_json_parse(const char *text);
/* A member, NULL where it is not there. */
const cJSON *fdht_w_json_get(const cJSON *object, const char *name);
/* A string member, else `otherwise`. */
const char *fdht_w_json_text(const cJSON *object, const char *name, const char *otherwise);
bool fdht_w_json_bool(const cJSON *object, const char *name, bool otherwise);
double fdht_w_json_number(const cJSON *object, const char *name, double otherwise);
/* The name of an activation: "relu", or what a described function or layer is called; null is "linear". */
const char *fdht_w_json_activation(const cJSON *config, const char *name, const char *otherwise);
/* That name as an activation of this Keras; false: one that is not read. */
bool fdht_w_keras_activation(const char *name, int major, fdht_activation *out);

#endif
