/* arrays/pickle.h - Python pickles as plain values. Nothing is imported or executed: an opcode that is not known is refused, a class
 * that is not known becomes a value that says its name. Internal. */
#ifndef FDHT_ARRAYS_PICKLE_H
#define FDHT_ARRAYS_PICKLE_H

#include "base/base.h"

typedef enum fdht_pickle_type {
    FDHT_PICKLE_NONE,
    FDHT_PICKLE_BOOL,
    FDHT_PICKLE_INT, /* beyond 64 bits: FLOAT */
    FDHT_PICKLE_FLOAT,
    FDHT_PICKLE_STRING, /* and bytes */
    FDHT_PICKLE_TUPLE,  /* and sets */
    FDHT_PICKLE_LIST,
    FDHT_PICKLE_DICT,   /* items are key, value, key, value, .. */
    FDHT_PICKLE_CLASS,  /* text "MODULE NAME" */
    FDHT_PICKLE_CALL,   /* items are the class and its arguments, a tuple */
    FDHT_PICKLE_OUTSIDE /* a persistent id: one item */
} fdht_pickle_type;

/* Values are numbered. Text is not terminated. Values can be shared, and contain themselves. */
typedef struct fdht_pickle_value {
    fdht_pickle_type type;
    int64_t i;
    double f;
    const char *text;
    size_t n;       /* of text, or of items */
    uint32_t *item; /* numbers of values */
    size_t cap;
} fdht_pickle_value;

typedef struct fdht_pickle fdht_pickle;

/* Read a pickle of n bytes (protocols 2 to 5), which must live as long as the result. FDHT_EFORMAT names opcode and byte. */
int fdht_pickle_read(const uint8_t *data, size_t n, fdht_pickle **out, fdht_error *err);
void fdht_pickle_free(fdht_pickle *p); /* NULL allowed */

uint32_t fdht_pickle_root(const fdht_pickle *p);
const fdht_pickle_value *fdht_pickle_at(const fdht_pickle *p, uint32_t v);
/* Is it text, or the name of a class, equal to s? */
bool fdht_pickle_is(const fdht_pickle_value *v, const char *s);

#endif
