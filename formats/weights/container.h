/* weights/container.h - weights in files that are not HDF5: archives and tables of named arrays (formats/arrays), and HDF5
 * inside a .keras archive. Internal: not installed. */
#ifndef FDHT_WEIGHTS_CONTAINER_H
#define FDHT_WEIGHTS_CONTAINER_H

#include "weights/topology.h"

/* Open what `kind` says and fill the catalogue. *done = false: the file is to be opened as HDF5. */
int fdht_w_container_open(fdht_weights *w, const char *path, bool *done, fdht_error *err);
/* Check the numbers' type and note it in the data set; its kind is FDHT_WKIND_FLOAT then. */
int fdht_w_container_bind(const fdht_weights *w, fdht_wset *s, fdht_error *err);
/* Rows and columns of an array into out (rows, ld); lead: index of the axis before them, SIZE_MAX if there is none. */
int fdht_w_container_read(const fdht_weights *w, const fdht_wset *s, size_t lead, size_t row, size_t rows,
                          size_t col, size_t cols, float *out, size_t ld, fdht_error *err);

#endif
