/* frame/pixels.c - the options that say how pixels become inputs, as a model keeps them. */
#include "frame/pixels.h"

#include <string.h>

bool cli_pixels_norm(const cli_pixels *p)
{
    return p->scale > 0 || p->mean || p->std;
}

int cli_pixels_size(cli *c, const cli_pixels *p, bool gray, size_t *width, size_t *height, size_t *channels)
{
    size_t v[3] = {0, 0, gray ? 1 : 3};
    char text[64], *at = text;
    *width = *height = *channels = 0;
    if (!p->frame)
        return FDHT_OK;
    int n = 0;
    bool good = strlen(p->frame) < sizeof text;
    for (snprintf(text, sizeof text, "%s", p->frame); good && at && n < 3; n++) {
        char *end = strchr(at, 'x');
        if (end)
            *end++ = 0;
        good = cli_parse_size(at, 1, n < 2 ? 1 << 16 : FDHT_MAX_CHANNELS, &v[n]);
        at = end;
    }
    if (!good || at || n < 2)
        return cli_usage(c, "--frame: '%s' is not a size like 160x120x3, of at most %d channels", p->frame,
                         FDHT_MAX_CHANNELS);
    if (gray && v[2] != 1)
        return cli_usage(c, "--frame %s has %zu channels, --gray makes one", p->frame, v[2]);
    *width = v[0];
    *height = v[1];
    *channels = v[2];
    return FDHT_OK;
}

/* "A" or "A,B,C": n numbers, one for all repeated. */
static int numbers(cli *c, const char *option, const char *text, double low, double standard, size_t n,
                   double *out)
{
    char part[64];
    size_t got = 0;
    for (size_t i = 0; i < n; i++)
        out[i] = standard;
    for (const char *at = text; at; got++) {
        size_t length = strcspn(at, ",");
        if (got == n || length >= sizeof part)
            return cli_usage(c, "--%s: '%s': expected 1 or %zu numbers", option, text, n);
        memcpy(part, at, length);
        part[length] = 0;
        if (!cli_parse_double(part, low, 1e12, &out[got]))
            return cli_usage(c, "--%s: '%s' is not a number of at least %g", option, part, low);
        at = at[length] ? at + length + 1 : NULL;
    }
    if (got > 1 && got != n)
        return cli_usage(c, "--%s: '%s': expected 1 or %zu numbers", option, text, n);
    for (size_t i = 1; got == 1 && i < n; i++)
        out[i] = out[0];
    return FDHT_OK;
}

int cli_pixels_take(cli *c, const cli_pixels *p, fdht_frame_spec *f)
{
    double mean[FDHT_MAX_CHANNELS] = {0}, std[FDHT_MAX_CHANNELS] = {1}, scale = p->scale > 0 ? p->scale : 1;
    if (!f->width)
        return cli_usage(c, "--scale, --mean and --std are for frames");
    if (f->channels > FDHT_MAX_CHANNELS)
        return cli_usage(c, "--scale, --mean and --std are for at most %d channels, the frames have %zu",
                         FDHT_MAX_CHANNELS, f->channels);
    int status = numbers(c, "mean", p->mean, -1e12, 0, f->channels, mean);
    if (!status)
        status = numbers(c, "std", p->std, 1e-12, 1, f->channels, std);
    if (status)
        return status;
    bool same = true;
    for (size_t k = 1; k < f->channels; k++)
        same = same && mean[k] == mean[0] && std[k] == std[0];
    f->by_channel = !same;
    f->mean = same ? mean[0] / scale : 0;
    f->std = same ? std[0] / scale : 1;
    for (size_t k = 0; k < f->channels; k++) {
        f->channel_mean[k] = same ? 0 : mean[k] / scale;
        f->channel_std[k] = same ? 0 : std[k] / scale;
    }
    return FDHT_OK;
}
