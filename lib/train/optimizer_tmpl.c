/* train/optimizer_tmpl.c - one step of Adam, AdamW or SGD with momentum. Template (base/real.h). */
#include <math.h>

static void adam(const fdht_train_options *o, uint64_t t, double lr, size_t n, REAL *p, const REAL *g,
                 REAL *m, REAL *v, double scale)
{
    REAL b1 = (REAL)o->beta1, b2 = (REAL)o->beta2, c1 = (REAL)(1 - o->beta1), c2 = (REAL)(1 - o->beta2);
    REAL rate = (REAL)(lr / (1 - pow(o->beta1, (double)t))), eps = (REAL)o->epsilon, s = (REAL)scale;
    REAL root = (REAL)(1 / sqrt(1 - pow(o->beta2, (double)t)));
    bool decoupled = o->optimizer == FDHT_ADAMW;
    REAL keep = (REAL)(decoupled ? 1 - lr * o->weight_decay : 1),
         l2 = (REAL)(decoupled ? 0 : o->weight_decay);
    for (size_t i = 0; i < n; i++) {
        REAL d = s * g[i] + l2 * p[i];
        m[i] = b1 * m[i] + c1 * d;
        v[i] = b2 * v[i] + c2 * d * d;
        p[i] = keep * p[i] - rate * m[i] / (root * MATH(sqrt)(v[i]) + eps);
    }
}

void R(fdht_optimizer)(const fdht_train_options *o, uint64_t t, double lr, size_t n, REAL *p, const REAL *g,
                       REAL *m, REAL *v, double scale)
{
    if (o->optimizer != FDHT_SGD) {
        adam(o, t, lr, n, p, g, m, v, scale);
        return;
    }
    REAL rate = (REAL)lr, momentum = (REAL)o->momentum, s = (REAL)scale, l2 = (REAL)o->weight_decay;
    for (size_t i = 0; i < n; i++) {
        m[i] = momentum * m[i] + s * g[i] + l2 * p[i];
        p[i] -= rate * m[i];
    }
}
