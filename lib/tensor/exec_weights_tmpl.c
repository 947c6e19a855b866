/* tensor/exec_weights_tmpl.c - merging and packing weights, and the way back for their gradient. Template (base/real.h). */
#include <string.h>

/* A strided view of a weight tensor: one stride per leg of the operator. */
typedef struct view {
    size_t base, stride[FDHT_MAX_LEGS];
} view;

/* C += A B over n >= 2 axes (B NULL: 1), strides per axis; the innermost axis is the last. */
static void contract(int n, const size_t *extent, const size_t *sa, const size_t *sb, const size_t *sc,
                     const REAL *A, const REAL *B, REAL *C, REAL factor)
{
    for (size_t i = 0; i < *extent; i++, A += *sa, B += B ? *sb : 0, C += *sc) {
        if (n > 2) {
            contract(n - 1, extent + 1, sa + 1, sb + 1, sc + 1, A, B, C, factor);
            continue;
        }
        const size_t a = sa[1], b = sb[1], c = sc[1], m = extent[1];
        for (size_t j = 0; B && j < m; j++)
            C[j * c] += factor * A[j * a] * B[j * b];
        for (size_t j = 0; !B && j < m; j++)
            C[j * c] += factor * A[j * a];
    }
}

/* The same over the union of the legs; a view has stride 0 on legs it lacks. */
static void contract_views(const R(fdht_exec) *e, uint64_t legs, const REAL *A, const view *a, const REAL *B,
                           const view *b, REAL *C, const view *c, REAL factor)
{
    static const view none;
    size_t extent[FDHT_MAX_LEGS], sa[FDHT_MAX_LEGS], sb[FDHT_MAX_LEGS], sc[FDHT_MAX_LEGS];
    int n = 0;
    if (!b)
        b = &none;
    for (; legs; legs &= legs - 1, n++) {
        int leg = __builtin_ctzll(legs);
        extent[n] = e->extent[leg];
        sa[n] = a->stride[leg];
        sb[n] = b->stride[leg];
        sc[n] = c->stride[leg];
    }
    int longest = 0;
    for (int i = 1; i < n; i++)
        if (!sc[longest] ? sc[i] || extent[i] >= extent[longest] : sc[i] && extent[i] >= extent[longest])
            longest = i;
    if (n) { /* of those that no sum runs over is the innermost loop: the others are calls */
        size_t *table[] = {extent, sa, sb, sc};
        for (size_t i = 0; i < FDHT_COUNT(table); i++) {
            size_t last = table[i][n - 1];
            table[i][n - 1] = table[i][longest];
            table[i][longest] = last;
        }
    }
    for (; n < 2; n++) {
        extent[n] = 1;
        sa[n] = sb[n] = sc[n] = 0;
    }
    contract(n, extent, sa, sb, sc, A + a->base, B ? B + b->base : NULL, C + c->base, factor);
}

/* Where weight w of a term lies: a core in the parameters, restricted to the box, or a merged tensor. */
static view weight_view(const R(fdht_exec) *e, int term, int w)
{
    const fdht_weight *weight = &e->plan.weight[w];
    view v = {0};
    size_t stride = 1;
    if (weight->core < 0) {
        v.base = (size_t)term * e->merged_size + e->merged_at[w];
        for (int leg = FDHT_MAX_LEGS; leg-- > 0;)
            if (weight->legs >> leg & 1) {
                v.stride[leg] = stride;
                stride *= e->extent[leg];
            }
        return v;
    }
    const fdht_core_desc *c = &e->op->core[term * e->op->cores_per_term + weight->core];
    v.base = c->info.offset;
    for (int i = c->info.order; i-- > 0; stride *= c->info.dim[i]) {
        int leg = c->leg[i];
        if (leg < e->op->spec.d)
            v.base += e->corner[leg] * stride;
        if (weight->legs >> leg & 1)
            v.stride[leg] += stride;
    }
    return v;
}

/* The packed weight of a step: (k legs, n legs) in rows of n_pad. */
static view packed_view(const R(fdht_exec) *e, int term, int at)
{
    const fdht_step *s = &e->plan.step[at];
    view v = {.base = (size_t)term * e->packed_size + e->tables[at].weight};
    size_t stride = 1;
    for (int i = s->n_n_legs; i-- > 0; stride *= e->extent[s->n_leg[i]])
        v.stride[s->n_leg[i]] = stride;
    stride = s->n_pad;
    for (int i = s->n_k_legs; i-- > 0; stride *= e->extent[s->k_leg[i]])
        v.stride[s->k_leg[i]] = stride;
    return v;
}

static REAL *weight_data(const R(fdht_exec) *e, int w, const REAL *params)
{
    return e->plan.weight[w].core >= 0 ? (REAL *)params : e->merged;
}

/* The weight of a step for the way back, each slice by itself. */
static void turn(const R(fdht_exec) *e, int term, int at)
{
    const fdht_step *s = &e->plan.step[at];
    const fdht_step_tables *t = &e->tables[at];
    const REAL *w = e->packed + (size_t)term * e->packed_size + t->weight;
    REAL *to = e->turned + (size_t)term * e->turned_size + t->turned;
    for (size_t k = 0; k < s->k; k += s->slice.sums, w += s->slice.sums * s->n_pad)
        for (size_t j = 0; j < s->n; j++)
            for (size_t x = 0; x < s->slice.sums; x++)
                *to++ = w[x * s->n_pad + j];
}

void R(fdht_exec_pack)(R(fdht_exec) *e, const REAL *params, double scale)
{
    e->params = params;
    e->scale = scale;
    if (e->dense)
        return;
    memset(e->packed, 0, (size_t)e->op->n_terms * e->packed_size * sizeof *e->packed);
    memset(e->merged, 0, (size_t)e->op->n_terms * e->merged_size * sizeof *e->merged);
    for (int term = 0; term < e->op->n_terms; term++) {
        for (int w = 0; w < e->plan.n_weights; w++) {
            const fdht_weight *weight = &e->plan.weight[w];
            if (weight->core >= 0)
                continue;
            view l = weight_view(e, term, weight->left), r = weight_view(e, term, weight->right);
            view m = weight_view(e, term, w);
            contract_views(e, e->plan.weight[weight->left].legs | e->plan.weight[weight->right].legs,
                           weight_data(e, weight->left, params), &l, weight_data(e, weight->right, params),
                           &r, e->merged, &m, 1);
        }
        for (int i = 0; i < e->plan.n_steps; i++) {
            const fdht_step *s = &e->plan.step[i];
            view w = weight_view(e, term, s->weight), p = packed_view(e, term, i);
            contract_views(e, e->plan.weight[s->weight].legs, weight_data(e, s->weight, params), &w, NULL,
                           NULL, e->packed, &p, i == 0 ? (REAL)scale : 1);
            if (e->turned)
                turn(e, term, i);
        }
    }
    e->params = NULL;
}

void R(fdht_exec_unpack)(const R(fdht_exec) *e, const REAL *params, const REAL *grad_packed,
                         REAL *grad_merged, REAL *grad_params)
{
    memset(grad_merged, 0, (size_t)e->op->n_terms * e->merged_size * sizeof *grad_merged);
    for (int term = 0; term < e->op->n_terms; term++) {
        for (int i = 0; i < e->plan.n_steps; i++) {
            int w = e->plan.step[i].weight;
            view to = weight_view(e, term, w), from = packed_view(e, term, i);
            contract_views(e, e->plan.weight[w].legs, grad_packed, &from, NULL, NULL,
                           e->plan.weight[w].core >= 0 ? grad_params : grad_merged, &to,
                           i == 0 ? (REAL)e->scale : 1);
        }
        for (int w = e->plan.n_weights; w-- > 0;) {
            const fdht_weight *weight = &e->plan.weight[w];
            if (weight->core >= 0)
                continue;
            view m = weight_view(e, term, w);
            for (int side = 0; side < 2; side++) {
                int to = side ? weight->right : weight->left, other = side ? weight->left : weight->right;
                view t = weight_view(e, term, to), o = weight_view(e, term, other);
                contract_views(e, e->plan.weight[to].legs | e->plan.weight[other].legs, grad_merged, &m,
                               weight_data(e, other, params), &o,
                               e->plan.weight[to].core >= 0 ? grad_params : grad_merged, &t, 1);
            }
        }
    }
}
