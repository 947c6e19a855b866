/* kernels/elementwise_tmpl.c - the loops of kernels/elementwise.h; elementwise_LEVEL.c includes this with LEVEL, its name. exp is Cephes' expf (S. Moshier):
 * 2^n exp(r), |r| <= ln 2 / 2, by a polynomial of degree 5; tanh near 0 is Cephes' tanhf. */
#include <string.h>

#include "kernels/elementwise.h"

#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)

static inline float exp_of(float x)
{
    const float round = 12582912.0f; /* 1.5 2^23: adding it leaves a whole number in the last bits */
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float n = x * 1.44269504f + round;
    int32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= round;
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    bits = (int32_t)(((uint32_t)bits + 127u) << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static void sigmoid(size_t n, float *v)
{
    for (size_t i = 0; i < n; i++)
        v[i] = 1.0f / (1.0f + exp_of(-v[i]));
}

static void tanh_of(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) {
        float v = x[i], z = v * v, far = 1.0f - 2.0f / (exp_of(2.0f * v) + 1.0f);
        float p = -5.70498872745e-3f;
        p = p * z + 2.06390887954e-2f;
        p = p * z - 5.37397155531e-2f;
        p = p * z + 1.33314422036e-1f;
        p = p * z - 3.33332819422e-1f;
        float near = p * z * v + v;
        y[i] = z < 0.390625f ? near : far; /* 0.625 squared */
    }
}

static void add(size_t n, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void multiply(size_t n, const float *restrict a, const float *restrict b, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void cell(size_t n, const float *restrict i, const float *restrict f, const float *restrict g,
                 const float *c_prev, float *restrict c)
{
    if (c_prev)
        for (size_t j = 0; j < n; j++)
            c[j] = i[j] * g[j] + f[j] * c_prev[j];
    else
        for (size_t j = 0; j < n; j++)
            c[j] = i[j] * g[j];
}

static void cell_back(size_t n, float *restrict i, float *restrict f, float *restrict g, float *restrict o,
                      const float *restrict c_prev, const float *restrict tc, const float *restrict dh,
                      float *restrict dc)
{
    for (size_t j = 0; j < n; j++) {
        float vi = i[j], vf = f[j], vg = g[j], vo = o[j], t = tc[j], d = dh[j],
              e = dc[j] + d * vo * (1 - t * t);
        i[j] = e * vg * vi * (1 - vi);
        f[j] = vf * (1 - vf) * e;
        g[j] = e * vi * (1 - vg * vg);
        o[j] = d * t * vo * (1 - vo);
        dc[j] = e * vf;
    }
    if (c_prev)
        for (size_t j = 0; j < n; j++)
            f[j] *= c_prev[j];
    else
        memset(f, 0, n * sizeof *f);
}

static void difference(size_t n, const uint8_t *restrict a, const uint8_t *restrict b, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(a[i] - b[i]);
}

static void centre(size_t n, const uint8_t *restrict a, float mean, float *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)a[i] - mean;
}

enum { BLOCK = 256 };

static void random_bytes(uint32_t key, uint32_t from, uint8_t out[BLOCK])
{
    uint32_t word[BLOCK / 4];
    for (uint32_t i = 0; i < BLOCK / 4; i++) {
        uint32_t x = (from + i) * 0x9e3779b9u + key;
        x = (x ^ x >> 16) * 0x85ebca6bu;
        x = (x ^ x >> 13) * 0xc2b2ae35u;
        word[i] = x ^ x >> 16;
    }
    memcpy(out, word, BLOCK);
}

static void drop_out(size_t first, size_t n, uint32_t key, unsigned drop, float *v)
{
    float scale = 256.0f / (float)(256 - drop);
    uint8_t random[BLOCK];
    for (size_t from = 0, m; from < n; from += m) {
        size_t skip = (first + from) % 4;
        m = n - from < BLOCK - skip ? n - from : BLOCK - skip;
        random_bytes(key, (uint32_t)((first + from) / 4), random);
        for (size_t i = 0; i < m; i++)
            v[from + i] = random[skip + i] < drop ? 0.0f : v[from + i] * scale;
    }
}

extern const fdht_elementwise CAT(fdht_elementwise_, LEVEL);
const fdht_elementwise CAT(fdht_elementwise_, LEVEL) = {sigmoid,   tanh_of,    add,    multiply, cell,
                                                        cell_back, difference, centre, drop_out};
