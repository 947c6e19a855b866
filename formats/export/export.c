/* export/export.c - a model as weights or as a graph of other programs: which writer does it, and the file whole or not at all. */
#include <string.h>

#include "export/rawfile.h"

int fdht_export_write(const fdht_model *m, fdht_export_kind kind, const char *path,
                      const fdht_out_options *opt, int (*progress)(void *arg, double fraction), void *arg,
                      fdht_error *err)
{
    if (kind != FDHT_EXPORT_SAFETENSORS && kind != FDHT_EXPORT_ONNX && kind != FDHT_EXPORT_ONNX_COMPRESSED)
        return fdht_fail(err, FDHT_EINVAL, "kind of export %d: expected safetensors, onnx or onnx-compressed",
                         (int)kind);
    fdht_out *out = NULL;
    int status = fdht_out_open(path, true, opt, &out, err);
    if (status)
        return status;
    const fdht_model_spec *s = fdht_model_spec_of(m);
    fdht_rawfile r = {.m = m, .progress = progress, .arg = arg, .err = err};
    for (int i = 0; i < s->cells; i++)
        r.total += (double)s->cell[i].inputs + (double)fdht_export_state(&s->cell[i]);
    r.f = fdht_out_stream(out);
    status = kind == FDHT_EXPORT_SAFETENSORS ? fdht_export_safetensors(&r)
                                             : fdht_export_onnx(&r, kind == FDHT_EXPORT_ONNX_COMPRESSED);
    if (status) {
        fdht_out_discard(out);
        return status == FDHT_EINTR ? status : fdht_fail_prefix(err, status, "%s", path);
    }
    return fdht_out_commit(out, err);
}
