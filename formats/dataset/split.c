/* dataset/split.c - dividing clips into training, validation and test sets so that the clips of one subject
 * stay together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "fdht/dataset.h"

/* Clips first .. first + n - 1 of the sorted order share a key. */
struct group {
    size_t first, n;
};

struct clip {
    const char *key;
    int label;
    size_t at;
};

static int by_key(const void *a, const void *b)
{
    const struct clip *x = a, *y = b;
    int order = x->key && y->key ? fdht_natural_compare(x->key, y->key) : (x->key != NULL) - (y->key != NULL);
    if (order)
        return order;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

struct ranked {
    struct group group;
    uint64_t rank; /* its place among groups of one size: a hash of seed and key */
    size_t at;
};

static uint64_t rank_of(const struct clip *c, uint64_t seed)
{
    uint64_t h = fdht_rng_hash(seed + 0x9e3779b97f4a7c15u);
    if (!c->key)
        return fdht_rng_hash(h + c->at);
    for (const char *p = c->key; *p; p++)
        h = fdht_rng_hash(h ^ (unsigned char)*p);
    return h;
}

static int largest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->group.n != y->group.n)
        return x->group.n > y->group.n ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Runs of one key in the sorted clips, in the order in which they choose. */
static size_t make_groups(const struct clip *clip, size_t n, uint64_t seed, struct ranked *g)
{
    size_t groups = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || !clip[i].key || !clip[i - 1].key || strcmp(clip[i].key, clip[i - 1].key) != 0)
            g[groups++] = (struct ranked){{i, 1}, rank_of(&clip[i], seed), i};
        else
            g[groups - 1].group.n++;
    if (groups > 1)
        qsort(g, groups, sizeof *g, largest_first);
    return groups;
}

/* Clips of a label (or of all, after the last label) and how many of them each split still lacks. */
struct want {
    double all, lack[FDHT_SPLITS];
};

/* How well n more clips fit into split s: what it lacks at their middle (as Sainte-Lague divides seats), relative to its share. */
static double fit(const struct want *w, int s, double n, double fraction)
{
    return (w->lack[s] - n / 2) / (fraction * w->all);
}

enum { TOTAL_WEIGHT = 4 }; /* of the size of the splits against that of their classes */

static void assign(const struct clip *clip, const struct ranked *g, size_t groups, const double *fraction,
                   struct want *label, struct want *total, int8_t *split)
{
    for (size_t k = 0; k < groups; k++) {
        const struct clip *c = clip + g[k].group.first;
        size_t n = g[k].group.n;
        double most = 0;
        int best = -1;
        for (int s = 0; s < FDHT_SPLITS; s++) {
            if (!(fraction[s] > 0))
                continue;
            double score = TOTAL_WEIGHT * fit(total, s, (double)n, fraction[s]);
            for (size_t i = 0, j; i < n; i = j) { /* runs of one label */
                for (j = i + 1; j < n && c[j].label == c[i].label; j++)
                    ;
                score += fit(&label[c[i].label + 1], s, (double)(j - i), fraction[s]);
            }
            if (best < 0 || score > most + 1e-9) {
                best = s;
                most = score;
            }
        }
        total->lack[best] -= (double)n;
        for (size_t i = 0; i < n; i++) {
            split[c[i].at] = (int8_t)best;
            label[c[i].label + 1].lack[best] -= 1;
        }
    }
}

int fdht_split_assign(const char *const *key, const int *label, size_t n, const double fraction[FDHT_SPLITS],
                      uint64_t seed, int8_t *split, fdht_error *err)
{
    double sum = 0;
    struct want *want = NULL, *total;
    int most = -1, status = FDHT_OK;
    for (int s = 0; s < FDHT_SPLITS; s++) {
        if (!(fraction[s] >= 0))
            return fdht_fail(err, FDHT_EINVAL, "split: fraction %g of %s", fraction[s], fdht_split_name(s));
        sum += fraction[s];
    }
    if (fabs(sum - 1) > 1e-6)
        return fdht_fail(err, FDHT_EINVAL, "split: the fractions add up to %g, not 1", sum);
    struct clip *clip = fdht_calloc_err(n, sizeof *clip, "splits", err);
    struct ranked *g = fdht_calloc_err(n, sizeof *g, "splits", err);
    if (!clip || !g) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        clip[i] = (struct clip){key ? key[i] : NULL, label ? label[i] : -1, i};
        if (clip[i].label < -1 || clip[i].label > 1000000) {
            status = fdht_fail(err, FDHT_EINVAL, "split: clip %zu has label %d", i, clip[i].label);
            goto out;
        }
        most = FDHT_MAX(most, clip[i].label);
    }
    if (!(want = fdht_calloc_err((size_t)most + 3, sizeof *want, "splits", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    total = &want[most + 2];
    for (size_t i = 0; i < n; i++)
        want[clip[i].label + 1].all++;
    total->all = (double)n;
    for (int k = 0; k < most + 3; k++)
        for (int s = 0; s < FDHT_SPLITS; s++)
            want[k].lack[s] = fraction[s] * want[k].all;
    if (n > 1)
        qsort(clip, n, sizeof *clip, by_key);
    assign(clip, g, make_groups(clip, n, seed, g), fraction, want, total, split);
out:
    fdht_free(clip);
    fdht_free(g);
    fdht_free(want);
    return status;
}

const char *fdht_split_name(int split)
{
    static const char *const name[FDHT_SPLITS] = {"train", "val", "test"};
    return split >= 0 && split < FDHT_SPLITS ? name[split] : "none";
}
