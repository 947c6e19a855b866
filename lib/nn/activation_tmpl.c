/* nn/activation_tmpl.c - activations and their derivatives. Template (base/real.h); the includer defines sigmoid_row and
 * tanh_row (n, x, y). */

static REAL clip01(REAL y)
{
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

/* x Phi(x), Phi the distribution function of the normal distribution (Hendrycks, Gimpel, arXiv 1606.08415). */
static REAL normal_below(REAL x)
{
    return (REAL)0.5 * (1 + MATH(erf)(x * (REAL)0.70710678118654752440));
}

static REAL gelu_slope(REAL x)
{
    return normal_below(x) + x * (REAL)0.39894228040143267794 * MATH(exp)(-x * x / 2);
}

/* Written so that NaN stays NaN. */
REAL R(fdht_activation_value)(fdht_activation a, REAL x)
{
    switch (a) {
    case FDHT_SIGMOID:
        return 1 / (1 + MATH(exp)(-x));
    case FDHT_HARD_SIGMOID:
        return clip01((REAL)0.2 * x + (REAL)0.5);
    case FDHT_HARD_SIGMOID3:
        return clip01(x / 6 + (REAL)0.5);
    case FDHT_TANH:
        return MATH(tanh)(x);
    case FDHT_RELU:
        return x < 0 ? 0 : x;
    case FDHT_ELU:
        return x < 0 ? MATH(expm1)(x) : x;
    case FDHT_GELU:
        return x * normal_below(x);
    case FDHT_SOFTSIGN:
        return x / (1 + MATH(fabs)(x));
    default:
        return x;
    }
}

void R(fdht_activation_run)(fdht_activation a, size_t n, const REAL *x, REAL *y)
{
    if (a == FDHT_SIGMOID)
        sigmoid_row(n, x, y);
    else if (a == FDHT_TANH)
        tanh_row(n, x, y);
    else if (a == FDHT_SOFTMAX)
        R(fdht_softmax_row)(n, x, y);
    else
        for (size_t i = 0; i < n; i++)
            y[i] = R(fdht_activation_value)(a, x[i]);
}

REAL R(fdht_activation_slope)(fdht_activation a, REAL y)
{
    switch (a) {
    case FDHT_SIGMOID:
        return y * (1 - y);
    case FDHT_HARD_SIGMOID:
        return y > 0 && y < 1 ? (REAL)0.2 : 0;
    case FDHT_HARD_SIGMOID3:
        return y > 0 && y < 1 ? (REAL)1 / 6 : 0;
    case FDHT_TANH:
        return 1 - y * y;
    case FDHT_RELU:
        return y > 0;
    case FDHT_ELU:
        return y < 0 ? y + 1 : 1;
    case FDHT_SOFTSIGN:
        return (1 - MATH(fabs)(y)) * (1 - MATH(fabs)(y));
    default:
        return 1;
    }
}

void R(fdht_activation_back)(fdht_activation a, size_t n, const REAL *x, const REAL *y, REAL *g)
{
    REAL dot = 0;
    switch (a) {
    case FDHT_LINEAR:
        return;
    case FDHT_SOFTMAX:
        for (size_t i = 0; i < n; i++)
            dot += g[i] * y[i];
        for (size_t i = 0; i < n; i++)
            g[i] = y[i] * (g[i] - dot);
        return;
    case FDHT_GELU:
        for (size_t i = 0; i < n; i++)
            g[i] *= gelu_slope(x[i]);
        return;
    default:
        for (size_t i = 0; i < n; i++)
            g[i] *= R(fdht_activation_slope)(a, y[i]);
    }
}

double R(fdht_softmax_row)(size_t n, const REAL *z, REAL *p)
{
    REAL top = z[0], sum = 0;
    for (size_t j = 1; j < n; j++)
        top = z[j] > top ? z[j] : top;
    for (size_t j = 0; j < n; j++)
        sum += p[j] = MATH(exp)(z[j] - top);
    for (size_t j = 0; j < n; j++)
        p[j] /= sum;
    return (double)(top + MATH(log)(sum));
}
