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
    SMALL_DATA = 1 << 16, /* that are read whatever is stored of them (h5.c) */
    BOX_CHUNKS = 8192
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
static int count_text(walk *w, hid_t type, char **text, size_t n)
{
    const hsize_t all = n;
    hid_t space = H5Screate_simple(1, &all, NULL);
    if (H5Tis_variable_str(type) > 0)
        for (size_t i = 0; i < n; i++)
            w->text += text[i] ? strlen(text[i]) : 0;
    if (space >= 0) {
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, text);
        H5Sclose(space);
    }
    return w->text > w->size ? fail(w, "damaged text (more than the file has bytes)") : FDHT_OK;
}

static bool variable(hid_t type)
{
    return H5Tis_variable_str(type) > 0 || H5Tdetect_class(type, H5T_VLEN) > 0;
}

/* Memory for n values of `type`; NULL where there are none to be read, or with a status. */
static void *room_for(walk *w, hid_t type, size_t n)
{
    size_t bytes, width = H5Tget_size(type);
    if (!n || !width)
        return NULL;
    if (!fdht_mul(n, width, &bytes) || bytes > WHOLE_DATA) {
        fail(w, "an attribute too large to be one");
        return NULL;
    }
    void *data = fdht_calloc(n, width);
    if (!data)
        no_memory(w);
    return data;
}

/* n values that were read, or not; numbers that cannot be read are their reader's affair: it names them, and may not need them. */
static void look_at_values(walk *w, herr_t got, hid_t type, void *data, size_t n)
{
    if (got >= 0 && variable(type))
        count_text(w, type, data, n);
    else if (got < 0 && variable(type))
        fail(w, "damaged text");
    fdht_free(data);
}

static herr_t attribute(hid_t object, const char *name, const H5A_info_t *info, void *arg)
{
    walk *w = arg;
    (void)info;
    hid_t id = H5Aopen(object, name, H5P_DEFAULT), type = -1, space = -1;
    if (id >= 0 && (type = H5Aget_type(id)) >= 0 && (space = H5Aget_space(id)) >= 0) {
        hssize_t n = H5Sget_simple_extent_npoints(space);
        void *data = n > 0 ? room_for(w, type, (size_t)n) : NULL;
        if (data)
            look_at_values(w, H5Aread(id, type, data), type, data, (size_t)n);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    if (id >= 0)
        H5Aclose(id);
    return w->status ? -1 : 0;
}

/* A data set as boxes of whole chunks. */
typedef struct boxes {
    int rank;
    hsize_t dim[H5S_MAX_RANK], step[H5S_MAX_RANK]; /* of the data set; of a box inside */
    hsize_t start[H5S_MAX_RANK], count[H5S_MAX_RANK];
} boxes;

/* The first box: BOX_CHUNKS chunks at most, of all modes that are faster than one that is cut; libhdf5 keeps a kilobyte and more for
 * each chunk of a read. Without chunks: everything. */
static void first_box(boxes *b, hid_t space, const hsize_t *chunk)
{
    hsize_t chunks = 1;
    b->rank = FDHT_MAX(H5Sget_simple_extent_dims(space, b->dim, NULL), 0);
    for (int k = b->rank - 1; k >= 0; k--) {
        const hsize_t here = chunk ? (b->dim[k] + chunk[k] - 1) / chunk[k] : 1, most = BOX_CHUNKS / chunks;
        b->step[k] = here <= most ? b->dim[k] : chunk[k] * FDHT_MAX(most, 1);
        chunks = here <= most ? chunks * here : BOX_CHUNKS + 1;
        b->start[k] = 0;
        b->count[k] = b->step[k];
    }
}

static bool next_box(boxes *b)
{
    for (int k = b->rank - 1; k >= 0; k--) {
        b->start[k] += b->count[k];
        if (b->start[k] == b->dim[k])
            b->start[k] = 0;
        b->count[k] = FDHT_MIN(b->step[k], b->dim[k] - b->start[k]);
        if (b->start[k])
            return true;
    }
    return false;
}

/* ours: the data set's chunks where they are unpacked here. */
static int read_box(walk *w, hid_t id, hid_t type, fdht_h5_chunks *ours, const boxes *b)
{
    size_t n = 1;
    for (int k = 0; k < b->rank; k++)
        n *= (size_t)b->count[k];
    void *data = room_for(w, type, n);
    if (data && ours) {
        fdht_h5_chunks_read(ours, b->start, b->count, data, NULL);
        fdht_free(data);
        return w->status;
    }
    if (data)
        look_at_values(w, fdht_h5_dread(id, b->rank, b->start, b->count, NULL, type, data), type, data, n);
    return w->status;
}

/* The first and the last chunk: of a data set that is too large for more, where libhdf5 reads on behind one that unpacks to less than its
 * size; or that is unpacked here. */
static void read_ends(walk *w, hid_t id, hid_t type, hid_t space, fdht_h5_chunks *ours, const hsize_t *chunk)
{
    boxes b = {.rank = H5Sget_simple_extent_dims(space, b.dim, NULL)};
    size_t bytes = H5Tget_size(type);
    for (int k = 0; k < b.rank; k++) {
        if (!b.dim[k] || !fdht_mul(bytes, (size_t)chunk[k], &bytes) || bytes > WHOLE_DATA)
            return;
        b.count[k] = FDHT_MIN(chunk[k], b.dim[k]);
    }
    read_box(w, id, type, ours, &b);
    for (int k = 0; k < b.rank; k++) {
        b.start[k] = (b.dim[k] - 1) / chunk[k] * chunk[k];
        b.count[k] = b.dim[k] - b.start[k];
    }
    read_box(w, id, type, ours, &b);
}

/* The extents of a data set's chunks, whose index is looked through, and what unpacks them here; NULL where there are none. */
static const hsize_t *chunks_of(walk *w, hid_t id, hid_t type, hid_t space, hsize_t *chunk,
                                fdht_h5_chunks **ours)
{
    hid_t list = H5Dget_create_plist(id);
    hsize_t chunks = 0, offset[H5S_MAX_RANK], size;
    unsigned mask;
    haddr_t at;
    bool found = false;
    int rank = H5Sget_simple_extent_ndims(space);
    if (list >= 0 && H5Pget_layout(list) == H5D_CHUNKED && H5Dget_num_chunks(id, space, &chunks) >= 0) {
        if (chunks)
            H5Dget_chunk_info(id, space, chunks - 1, offset, &mask, &at, &size);
        found = rank > 0 && H5Pget_chunk(list, H5S_MAX_RANK, chunk) == rank;
        for (int k = 0; found && k < rank; k++)
            found = chunk[k] > 0;
        if (found && fdht_h5_chunks_new(id, list, type, ours, w->err))
            w->status = FDHT_ENOMEM;
    }
    if (list >= 0)
        H5Pclose(list);
    return found ? chunk : NULL;
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
        hsize_t extents[H5S_MAX_RANK];
        size_t bytes;
        bool small = fdht_mul((size_t)n, H5Tget_size(type), &bytes) && bytes <= WHOLE_DATA;
        bool all = small && (variable(type) || H5Tget_class(type) == H5T_STRING ||
                             bytes <= FDHT_MAX(8 * w->size, (size_t)SMALL_DATA));
        fdht_h5_chunks *ours = NULL;
        const hsize_t *chunk = chunks_of(w, id, type, space, extents, &ours);
        boxes b;
        if (!small && variable(type)) {
            fail(w, "damaged text (more than can be)");
        } else if (all && n && !ours) {
            first_box(&b, space, chunk);
            while (!read_box(w, id, type, NULL, &b) && next_box(&b))
                continue;
        } else if (chunk && !variable(type)) {
            read_ends(w, id, type, space, ours, chunk);
        }
        fdht_h5_chunks_free(ours);
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
