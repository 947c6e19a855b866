/* kernels/elementwise.c - the naive loops over single floats: what the others are judged by. */
#include "kernels/elementwise.h"

#include <math.h>
#include <string.h>

static void sigmoid(size_t n, float *v)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(1 / (1 + exp(-(double)v[i])));
}

static void tanh_of(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)tanh((double)x[i]);
}

static void add(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void multiply(size_t n, const float *a, const float *b, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void cell(size_t n, const float *i, const float *f, const float *g, const float *c_prev, float *c)
{
    for (size_t j = 0; j < n; j++)
        c[j] = i[j] * g[j] + (c_prev ? f[j] * c_prev[j] : 0);
}

static void cell_back(size_t n, float *i, float *f, float *g, float *o, const float *c_prev, const float *tc,
                      const float *dh, float *dc)
{
    for (size_t j = 0; j < n; j++) {
        float vi = i[j], vf = f[j], vg = g[j], vo = o[j], e = dc[j] + dh[j] * vo * (1 - tc[j] * tc[j]);
        i[j] = e * vg * vi * (1 - vi);
        f[j] = (c_prev ? c_prev[j] : 0) * e * vf * (1 - vf);
        g[j] = e * vi * (1 - vg * vg);
        o[j] = dh[j] * tc[j] * vo * (1 - vo);
        dc[j] = e * vf;
    }
}

static void difference(size_t n, const uint8_t *a, const uint8_t *b, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)a[i] - (float)b[i];
}

static void centre(size_t n, const uint8_t *a, float mean, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)a[i] - mean;
}

static void drop_out(size_t first, size_t n, uint32_t key, unsigned drop, float *v)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)((first + i) / 4) * 0x9e3779b9u + key;
        uint8_t byte[4];
        x = (x ^ x >> 16) * 0x85ebca6bu;
        x = (x ^ x >> 13) * 0xc2b2ae35u;
        x ^= x >> 16;
        memcpy(byte, &x, sizeof byte);
        v[i] = byte[(first + i) % 4] < drop ? 0.0f : v[i] * (256.0f / (float)(256 - drop));
    }
}

const fdht_elementwise fdht_elementwise_reference = {sigmoid,   tanh_of,    add,    multiply, cell,
                                                     cell_back, difference, centre, drop_out};
