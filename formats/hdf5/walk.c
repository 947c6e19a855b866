/* hdf5/walk.c - every object of an HDF5 file once, with all that a reader might touch of it.
 *
 * Nothing is kept: what matters is that libhdf5 came to the end. Where it cannot list members or attributes or open an object it has
 * left half of them in its cache, and the next try may crash, so such a file is refused whole. Objects are told apart by their address, so a
 * file whose groups link to each other many times takes no longer than its objects. */
#include <stdio.h>
#include <string.h>

#include "hdf5/walk.h"

enum {
    MOST_OBJECTS = 4 << 20,
    WHOLE_DATA = 64 << 20,
    SMALL_DATA = 1 << 16 /* that are read whatever is stored of them (h5.c) */
};

typedef struct walk {
    size_t size; /* bytes of the file */
    size_t text; /* bytes of text read so far */
    fdht_h5_seen seen;
    hid_t *queue; /* groups to be listed, open */
    size_t waiting, room;
    int status;
    fdht_error *err;
    char name[160]; /* of the object at hand */
} walk;

static int fail(walk *w, const char *what)
{
    return w->status = fdht_fail(w->err, FDHT_EFORMAT, "%s: %s", w->name, what);
}

static int no_memory(walk *w)
{
    return w->status = fdht_fail(w->err, FDHT_ENOMEM, "out of memory: %zu objects", w->seen.n);
}

static size_t slot_of(const fdht_h5_seen *s, haddr_t at)
{
    size_t k = (size_t)(at * 0x9e3779b97f4a7c15u >> 20) & (s->slots - 1);
    while (s->slot[k] != HADDR_UNDEF && s->slot[k] != at)
        k = (k + 1) & (s->slots - 1);
    return k;
}

int fdht_h5_seen_add(fdht_h5_seen *s, hid_t id, bool *fresh, fdht_error *err)
{
    H5O_info_t info;
    *fresh = false;
    if (H5Oget_info2(id, &info, H5O_INFO_BASIC) < 0)
        return fdht_fail(err, FDHT_EFORMAT, "damaged object");
    if (2 * (s->n + 1) > s->slots) {
        fdht_h5_seen grown = {.n = s->n, .slots = s->slots ? 2 * s->slots : 256};
        grown.slot = s->n < MOST_OBJECTS ? fdht_calloc(grown.slots, sizeof *grown.slot) : NULL;
        if (!grown.slot)
            return fdht_fail(err, FDHT_ENOMEM, "out of memory: a file of more than %zu objects", s->n);
        memset(grown.slot, 0xff, grown.slots * sizeof *grown.slot);
        for (size_t i = 0; i < s->slots; i++)
            if (s->slot[i] != HADDR_UNDEF)
                grown.slot[slot_of(&grown, s->slot[i])] = s->slot[i];
        fdht_free(s->slot);
        *s = grown;
    }
    size_t k = slot_of(s, info.addr);
    *fresh = s->slot[k] == HADDR_UNDEF;
    s->slot[k] = info.addr;
    s->n += *fresh;
    return FDHT_OK;
}

/* Strings of variable length that were just read: their bytes count, and go. */
static int count_text(walk *w, hid_t type, hid_t space, char **text, size_t n)
{
    if (H5Tis_variable_str(type) > 0)
        for (size_t i = 0; i < n; i++)
            w->text += text[i] ? strlen(text[i]) : 0;
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, text);
    return w->text > w->size ? fail(w, "damaged text (more than the file has bytes)") : FDHT_OK;
}

static bool variable(hid_t type)
{
    return H5Tis_variable_str(type) > 0 || H5Tdetect_class(type, H5T_VLEN) > 0;
}

/* Read an attribute or a data set whole: n values of `type`. */
static int read_whole(walk *w, hid_t id, bool attribute, hid_t type, hid_t space, size_t n)
{
    size_t bytes, width = H5Tget_size(type);
    if (!n || !width)
        return FDHT_OK;
    if (!fdht_mul(n, width, &bytes) || bytes > WHOLE_DATA)
        return attribute ? fail(w, "an attribute too large to be one") : FDHT_OK;
    void *data = fdht_calloc(n, width);
    if (!data)
        return no_memory(w);
    herr_t got = attribute ? H5Aread(id, type, data) : H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
    if (got >= 0 && variable(type))
        count_text(w, type, space, data, n);
    else if (got < 0 && variable(type))
        fail(w, "damaged text");
    /* numbers that cannot be read are their reader's affair: it names them, and may not need them */
    fdht_free(data);
    return w->status;
}

static herr_t attribute(hid_t object, const char *name, const H5A_info_t *info, void *arg)
{
    walk *w = arg;
    (void)info;
    hid_t id = H5Aopen(object, name, H5P_DEFAULT), type = -1, space = -1;
    if (id >= 0 && (type = H5Aget_type(id)) >= 0 && (space = H5Aget_space(id)) >= 0) {
        hssize_t n = H5Sget_simple_extent_npoints(space);
        if (n >= 0)
            read_whole(w, id, true, type, space, (size_t)n);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (id >= 0)
        H5Aclose(id);
    return w->status ? -1 : 0;
}

/* The part of `count` from `start`, `bytes` at most. */
static void read_part(hid_t id, hid_t type, hid_t space, int rank, const hsize_t *start, const hsize_t *count,
                      size_t bytes)
{
    void *data = fdht_calloc(bytes, 1);
    hid_t picked = H5Scopy(space), memory = H5Screate_simple(rank, count, NULL);
    if (data && picked >= 0 && memory >= 0 &&
        H5Sselect_hyperslab(picked, H5S_SELECT_SET, start, NULL, count, NULL) >= 0)
        H5Dread(id, type, memory, picked, H5P_DEFAULT, data);
    if (memory >= 0)
        H5Sclose(memory);
    if (picked >= 0)
        H5Sclose(picked);
    fdht_free(data);
}

/* The index of all chunks and, of a large set, the first and the last of them: where a chunk unpacks to less than its size, libhdf5 reads
 * on behind it. */
static void touch(hid_t id, hid_t type, hid_t space, bool large)
{
    hid_t list = H5Dget_create_plist(id);
    hsize_t chunks = 0, offset[H5S_MAX_RANK], size, dim[H5S_MAX_RANK], part[H5S_MAX_RANK],
            start[H5S_MAX_RANK] = {0}, count[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    size_t bytes = H5Tget_size(type);
    unsigned mask;
    haddr_t at;
    if (list >= 0 && H5Pget_layout(list) == H5D_CHUNKED && H5Dget_num_chunks(id, space, &chunks) >= 0 &&
        chunks) {
        H5Dget_chunk_info(id, space, chunks - 1, offset, &mask, &at, &size);
        bool small = large && rank > 0 && !variable(type) && H5Pget_chunk(list, H5S_MAX_RANK, part) == rank;
        for (int k = 0; small && k < rank; k++) {
            small = part[k] && dim[k] && fdht_mul(bytes, (size_t)part[k], &bytes) && bytes <= WHOLE_DATA;
            count[k] = FDHT_MIN(part[k], dim[k]);
        }
        if (small) {
            read_part(id, type, space, rank, start, count, bytes);
            for (int k = 0; k < rank; k++) {
                start[k] = (dim[k] - 1) / part[k] * part[k];
                count[k] = dim[k] - start[k];
            }
            read_part(id, type, space, rank, start, count, bytes);
        }
    }
    if (list >= 0)
        H5Pclose(list);
}

/* Data outside the file is not followed here either; its readers refuse it by name. */
static bool inside(hid_t id)
{
    hid_t list = H5Dget_create_plist(id);
    bool yes = list >= 0 && H5Pget_layout(list) != H5D_VIRTUAL && H5Pget_external_count(list) == 0;
    if (list >= 0)
        H5Pclose(list);
    return yes;
}

static void dataset(walk *w, hid_t id)
{
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (type >= 0 && n >= 0 && inside(id)) {
        size_t bytes;
        bool small = fdht_mul((size_t)n, H5Tget_size(type), &bytes) && bytes <= WHOLE_DATA;
        bool all = small && (variable(type) || H5Tget_class(type) == H5T_STRING ||
                             bytes <= FDHT_MAX(8 * w->size, (size_t)SMALL_DATA));
        touch(id, type, space, !all);
        if (!small && variable(type))
            fail(w, "damaged text (more than can be)");
        else if (all)
            read_whole(w, id, false, type, space, (size_t)n);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
}

/* An open object: its attributes, its data; a group waits in the queue, everything else is closed. */
static int object(walk *w, hid_t id)
{
    bool fresh = false;
    hsize_t at = 0;
    w->status = fdht_h5_seen_add(&w->seen, id, &fresh, w->err);
    if (!fresh) {
        H5Oclose(id);
        return w->status;
    }
    H5I_type_t type = H5Iget_type(id);
    H5Iget_name(id, w->name, sizeof w->name);
    if (H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_NATIVE, &at, attribute, w) < 0 && !w->status)
        fail(w, "damaged attributes");
    if (!w->status && type == H5I_DATASET)
        dataset(w, id);
    if (w->status || type != H5I_GROUP) {
        H5Oclose(id);
        return w->status;
    }
    if (w->waiting == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        hid_t *more = fdht_calloc(room, sizeof *more);
        if (!more) {
            H5Oclose(id);
            return no_memory(w);
        }
        if (w->waiting)
            memcpy(more, w->queue, w->waiting * sizeof *more);
        fdht_free(w->queue);
        w->queue = more;
        w->room = room;
    }
    w->queue[w->waiting++] = id;
    return FDHT_OK;
}

static herr_t member(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
    walk *w = arg;
    if (info->type != H5L_TYPE_HARD)
        return 0;
    hid_t id = H5Oopen(group, name, H5P_DEFAULT);
    if (id >= 0) {
        object(w, id);
    } else {
        snprintf(w->name, sizeof w->name, "%.*s", (int)sizeof w->name - 1, name);
        fail(w, "damaged object");
    }
    return w->status ? -1 : 0;
}

int fdht_h5_walk(hid_t file, size_t size, fdht_error *err)
{
    walk w = {.size = size, .err = err, .name = "/"};
    FDHT_H5_TRY
    {
        hid_t root = H5Oopen(file, "/", H5P_DEFAULT);
        if (root < 0)
            fail(&w, "no root group");
        else
            object(&w, root);
        while (w.waiting && !w.status) {
            hsize_t at = 0;
            hid_t group = w.queue[--w.waiting];
            if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &at, member, &w) < 0 && !w.status) {
                H5Iget_name(group, w.name, sizeof w.name);
                fail(&w, "damaged group");
            }
            H5Oclose(group);
        }
        while (w.waiting)
            H5Oclose(w.queue[--w.waiting]);
    }
    FDHT_H5_END
    fdht_free(w.queue);
    fdht_free(w.seen.slot);
    return w.status;
}
