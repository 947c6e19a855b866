/* train/loss_tmpl.c - the loss of each output kind and its gradient (lib/README.md section 7.1). Template (base/real.h). */

/* One row of logits of one of k classes. */
static double softmax_loss(size_t k, const REAL *z, size_t y, double smoothing, const double *weights,
                           REAL *g, double *weight, double *correct)
{
    size_t best = 0;
    double wy = weights ? weights[y] : 1, log_sum = R(fdht_softmax_row)(k, z, g), all = 0, loss = 0;
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
    return loss;
}

/* One row of logits of k independent labels: -t log p - (1 - t) log(1 - p) = max(z, 0) - z t + log(1 + exp(-|z|)). */
static double sigmoid_loss(size_t k, const REAL *z, const float *target, double smoothing,
                           const double *weights, REAL *g, double *correct)
{
    double loss = 0;
    for (size_t j = 0; j < k; j++) {
        double w = (weights ? weights[j] : 1) / (double)k, x = (double)z[j];
        double t = (double)target[j] * (1 - smoothing) + smoothing / 2;
        loss += w * (fmax(x, 0) - x * t + log1p(exp(-fabs(x))));
        g[j] = (REAL)(w * (1 / (1 + exp(-x)) - t));
        *correct += ((x > 0) == (target[j] > 0.5f)) / (double)k;
    }
    return loss;
}

static double squared_loss(size_t k, const REAL *y, const float *target, const double *weights, REAL *g)
{
    double loss = 0;
    for (size_t j = 0; j < k; j++) {
        double w = (weights ? weights[j] : 1) / (double)k, d = (double)y[j] - (double)target[j];
        loss += w * d * d;
        g[j] = (REAL)(2 * w * d);
    }
    return loss;
}

double R(fdht_loss)(fdht_output_kind output, size_t n, size_t k, const REAL *scores, const int *label,
                    const float *target, double smoothing, const double *weights, REAL *grad, double *weight,
                    double *correct)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        const REAL *z = scores + i * k;
        REAL *g = grad + i * k;
        if (output == FDHT_OUTPUT_SOFTMAX) {
            loss += softmax_loss(k, z, (size_t)label[i], smoothing, weights, g, weight, correct);
            continue;
        }
        *weight += 1;
        loss += output == FDHT_OUTPUT_SIGMOID
                    ? sigmoid_loss(k, z, target + i * k, smoothing, weights, g, correct)
                    : squared_loss(k, z, target + i * k, weights, g);
    }
    return loss;
}

double R(fdht_distill)(size_t k, const REAL *z, const float *p, double temperature, double share,
                       double weight, REAL *grad)
{
    double most = (double)z[0], sum = 0, loss = 0;
    for (size_t j = 1; j < k; j++)
        most = fmax(most, (double)z[j]);
    for (size_t j = 0; j < k; j++)
        sum += exp(((double)z[j] - most) / temperature);
    for (size_t j = 0; j < k; j++) {
        double log_q = ((double)z[j] - most) / temperature - log(sum), pj = (double)p[j];
        loss += pj > 0 ? pj * (log(pj) - log_q) : 0;
        grad[j] = (REAL)((1 - share) * (double)grad[j] + share * weight * temperature * (exp(log_q) - pj));
    }
    return share * weight * temperature * temperature * loss;
}
