/* model/attr.h - attributes and links of model files. Internal.
 *
 * Readers give FDHT_EFORMAT with the attribute's name where it is missing or out of range, FDHT_EIO, FDHT_ENOMEM. */
#ifndef FDHT_MODEL_ATTR_H
#define FDHT_MODEL_ATTR_H

#include <hdf5.h>

#include "base/base.h"
#include "fdht/model.h"

/* A whole number from low to high. */
int fdht_attr_count(hid_t loc, const char *name, int64_t low, int64_t high, int64_t *out, fdht_error *err);
int fdht_attr_word(hid_t loc, const char *name, char *buf, size_t size, fdht_error *err);
/* One of n words: its index. */
int fdht_attr_choice(hid_t loc, const char *name, const char *const *word, int n, int *out, fdht_error *err);
/* A finite number. */
int fdht_attr_number(hid_t loc, const char *name, double *out, fdht_error *err);
/* An activation; where it may be missing, *out stays as it is without it. */
int fdht_attr_activation(hid_t loc, const char *name, bool may_miss, fdht_activation *out, fdht_error *err);

/* The groups chain/K of a file of version 1.1: spec->links, link (fdht_free) and output. */
int fdht_modelfile_get_links(hid_t file, fdht_model_spec *spec, fdht_error *err);
/* The same written; groups that hold parameters are there already. */
int fdht_modelfile_put_links(hid_t file, const fdht_model_spec *spec, fdht_error *err);

#endif
