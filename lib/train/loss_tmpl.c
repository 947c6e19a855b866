/* train/loss_tmpl.c - softmax cross-entropy and its gradient. Template (base/real.h). */
#include <math.h>

/* One row: p = softmax(logits). Returns log sum exp. */
static double softmax_row(size_t k, const REAL *logits, REAL *p)
{
    REAL top = logits[0], sum = 0;
    for (size_t j = 1; j < k; j++)
        top = logits[j] > top ? logits[j] : top;
    for (size_t j = 0; j < k; j++)
        sum += p[j] = MATH(exp)(logits[j] - top);
    for (size_t j = 0; j < k; j++)
        p[j] /= sum;
    return (double)(top + MATH(log)(sum));
}

double R(fdht_loss)(size_t n, size_t k, const REAL *logits, const int *label, double smoothing,
                    const double *weights, REAL *grad, double *weight, size_t *correct)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const REAL *z = logits + i * k;
        REAL *g = grad + i * k;
        size_t y = (size_t)label[i], best = 0;
        double wy = weights ? weights[y] : 1, log_sum = softmax_row(k, z, g), all = 0;
        for (size_t j = 0; j < k; j++) {
            double w = smoothing / (double)k * (weights ? weights[j] : 1);
            all += w;
            loss += w * (log_sum - (double)z[j]);
            best = z[j] > z[best] ? j : best;
        }
        loss += (1 - smoothing) * wy * (log_sum - (double)z[y]);
        all += (1 - smoothing) * wy;
        for (size_t j = 0; j < k; j++)
            g[j] = (REAL)(all * (double)g[j] - smoothing / (double)k * (weights ? weights[j] : 1));
        g[y] -= (REAL)((1 - smoothing) * wy);
        *weight += wy;
        *correct += best == y;
    }
    return loss;
}
