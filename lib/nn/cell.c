/* nn/cell.c - cells by name, their default; where x and h lie in the modes of an fdht cell. */
#include <string.h>

#include "base/base.h"
#include "fdht/model.h"

static const char *const cell_name[FDHT_CELL_KINDS] = {"dense", "tt", "tr", "bt", "ht", "fdht"};

const char *fdht_cell_name(fdht_cell_kind kind)
{
    return (unsigned)kind < FDHT_CELL_KINDS ? cell_name[kind] : "unknown";
}

void fdht_cell_spec_default(fdht_cell_spec *spec)
{
    *spec =
        (fdht_cell_spec){.kind = FDHT_CELL_DENSE, .bias = true, .candidate = FDHT_TANH, .output = FDHT_TANH};
}

int fdht_cell_parse(const char *name, fdht_cell_kind *out, fdht_error *err)
{
    for (int k = 0; k < FDHT_CELL_KINDS; k++)
        if (strcmp(name, cell_name[k]) == 0) {
            *out = (fdht_cell_kind)k;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_EINVAL, "cell '%s': expected dense, tt, tr, bt, ht or fdht", name);
}

/* The best box so far: fewest positions, then most of the enlarged modes, then the most equal sides, then the
 * lexicographically first. */
typedef struct box_search {
    int d;
    size_t left; /* boxes, whole or begun, that are still looked at */
    size_t need, limit[FDHT_MAX_MODES], side[FDHT_MAX_MODES], best[FDHT_MAX_MODES];
    const size_t *enlarge;
    size_t best_product, best_own, best_sum;
} box_search;

enum { MOST_BOXES = 1 << 23 };

/* a b, or what is as good as infinite. */
static size_t times(size_t a, size_t b)
{
    return b && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static void search_box(box_search *b, int k, size_t product, size_t own, size_t sum)
{
    if (product > b->best_product || !b->left)
        return;
    b->left--;
    if (k == b->d) {
        bool better =
            product < b->best_product || own > b->best_own || (own == b->best_own && sum < b->best_sum);
        if (product < b->need || !better)
            return;
        memcpy(b->best, b->side, sizeof b->best);
        b->best_product = product;
        b->best_own = own;
        b->best_sum = sum;
        return;
    }
    size_t most = product; /* without mode k */
    for (int j = k + 1; j < b->d; j++)
        most = times(most, b->limit[j]);
    if (!most)
        return;
    size_t s = b->need / most + (b->need % most != 0);
    for (s = s ? s : 1; s <= b->limit[k] && b->left; s++) {
        b->side[k] = s;
        search_box(b, k + 1, times(product, s), own + (b->enlarge[k] ? s : 0), sum + s);
        if (times(product, s) >= b->need)
            break; /* larger sides only waste more */
    }
}

static bool find_box(box_search *b)
{
    b->left = MOST_BOXES;
    b->best_product = SIZE_MAX;
    b->best_own = 0;
    b->best_sum = SIZE_MAX;
    search_box(b, 0, 1, 0, 0);
    return b->best_product != SIZE_MAX;
}

/* The fewest slices of mode k that hold `need` numbers, the other modes at full extent. */
static int fewest_slices(const fdht_op_spec *op, int k, size_t need, size_t *enlarge, fdht_error *err)
{
    size_t slice = 1;
    if (k < 0 || k >= op->d)
        return fdht_fail(err, FDHT_EINVAL, "mode to enlarge: expected 1..%d, got %d", op->d, k + 1);
    for (int j = 0; j < op->d; j++)
        if (j != k && slice < need)
            slice *= op->in[j];
    enlarge[k] = (need + slice - 1) / slice;
    return FDHT_OK;
}

int fdht_cell_place(fdht_cell_spec *spec, int enlarge_mode, const size_t *enlarge, const size_t *hidden_box,
                    fdht_error *err)
{
    fdht_op_spec *op = &spec->op;
    size_t add[FDHT_MAX_MODES] = {0}, need = spec->proj ? spec->proj : spec->hidden, product;
    int enlarged = 0, status;
    if (op->d < 1 || op->d > FDHT_MAX_MODES || need == 0)
        return fdht_fail(err, FDHT_EINVAL,
                         "fdht cell: expected 1..%d modes and a hidden size, got %d modes, hidden %zu",
                         FDHT_MAX_MODES, op->d, need);
    if (!fdht_product(op->in, (size_t)op->d, &product) || product < spec->inputs)
        return fdht_fail(err, FDHT_EINVAL, "input modes: expected a product of at least %zu", spec->inputs);
    if (enlarge)
        memcpy(add, enlarge, (size_t)op->d * sizeof *add);
    else if ((status = fewest_slices(op, enlarge_mode, need, add, err)))
        return status;
    for (int k = 0; k < op->d; k++)
        enlarged += add[k] > 0;
    if (!enlarged)
        return fdht_fail(err, FDHT_EINVAL, "fdht cell: at least one mode must be enlarged to hold h");
    box_search b = {.d = op->d, .need = need, .enlarge = add};
    for (int k = 0; k < op->d; k++)
        b.limit[k] = add[k] ? add[k] : enlarged == 1 ? op->in[k] : 1;
    if (hidden_box)
        memcpy(b.best, hidden_box, (size_t)op->d * sizeof *b.best);
    else if (!find_box(&b) && b.left) {
        for (int k = 0; k < op->d; k++)
            b.limit[k] = add[k] ? add[k] : op->in[k];
        if (!find_box(&b) && b.left)
            return fdht_fail(err, FDHT_EINVAL,
                             "enlarged modes: %zu numbers of h do not fit in the added slices", need);
    }
    if (!hidden_box && !b.left)
        return fdht_fail(err, FDHT_EINVAL, "hidden box: too many of them hold %zu numbers; name its sides",
                         need);
    for (int k = 0; k < op->d; k++) {
        size_t room = add[k] ? add[k] : op->in[k];
        if (b.best[k] < 1 || b.best[k] > room)
            return fdht_fail(err, FDHT_EINVAL, "hidden box: side %d is %zu, mode has room for %zu", k + 1,
                             b.best[k], room);
    }
    if (!fdht_product(b.best, (size_t)op->d, &product) || product < need)
        return fdht_fail(err, FDHT_EINVAL, "hidden box: holds %zu numbers, h has %zu", product, need);
    for (int k = 0; k < op->d; k++) {
        spec->x.corner[k] = 0;
        spec->x.size[k] = op->in[k];
        spec->h.corner[k] = add[k] ? op->in[k] : 0;
        spec->h.size[k] = b.best[k];
        op->in[k] += add[k];
    }
    return FDHT_OK;
}
