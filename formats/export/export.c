/* export/export.c - a model as weights or as a graph of other programs: which writer does it, and the file whole or not at all. */
#include <string.h>

#include "export/rawfile.h"

static int write_file(fdht_rawfile *r, fdht_export_kind kind, const char *temp)
{
    r->f = fopen(temp, "wb");
    if (!r->f)
        return fdht_fail(r->err, FDHT_EIO, "cannot be created");
    int status = kind == FDHT_EXPORT_SAFETENSORS ? fdht_export_safetensors(r)
                                                 : fdht_export_onnx(r, kind == FDHT_EXPORT_ONNX_COMPRESSED);
    if (fclose(r->f) && !status)
        status = fdht_fail(r->err, FDHT_EIO, "cannot be written to the end");
    return status;
}

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
    status = write_file(&r, kind, fdht_out_temp(out));
    if (status) {
        fdht_out_discard(out);
        return status == FDHT_EINTR ? status : fdht_fail_prefix(err, status, "%s", path);
    }
    return fdht_out_commit(out, err);
}
