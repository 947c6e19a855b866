/* simulate/emit.c - --emit-rtl: a folder with what the accelerator in SystemVerilog needs to run the same, and what it must do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fdht/rtl.h"
#include "simulate/simulate.h"

#define HEADER "fdht_params.svh"
#define TRACE  "trace.txt"

struct sim_emit {
    cli *c;
    const char *dir;
    bool made; /* the folder was not there */
    fdht_out *trace;
    FILE *f;
    fdht_rtl rtl;
    int written; /* files that are in place: the header, then the images */
};

static void name_file(const sim_emit *e, int i, char *path, size_t size)
{
    if (i == 0)
        snprintf(path, size, "%s/" HEADER, e->dir);
    else
        snprintf(path, size, "%s/%s.hex", e->dir, e->rtl.image[i - 1].name);
}

static void write_header(FILE *f, const fdht_rtl *r, const fdht_sim_hw *hw)
{
    fprintf(f, "// The machine %s; written by fdht simulate --emit-rtl.\n", hw->name);
    for (int i = 0; i < FDHT_RTL_PARAMETERS; i++)
        fprintf(f, "`define FDHT_%s %zu // %s\n", r->parameter[i].name, r->parameter[i].value,
                r->parameter[i].text);
}

static void write_image(FILE *f, const fdht_rtl_image *m)
{
    for (size_t i = 0; i < m->lines; i++) {
        for (size_t k = m->a_line; k-- > 0;)
            fprintf(f, "%04x", m->word[i * m->a_line + k]);
        fputc('\n', f);
    }
}

static int write_file(sim_emit *e, int i, const fdht_sim_hw *hw)
{
    char path[FDHT_OUT_PATH];
    fdht_out *out = NULL;
    name_file(e, i, path, sizeof path);
    int status = fdht_out_open(path, false, &e->c->out, &out, &e->c->err);
    if (status)
        return status;
    if (i)
        write_image(fdht_out_stream(out), &e->rtl.image[i - 1]);
    else
        write_header(fdht_out_stream(out), &e->rtl, hw);
    return fdht_out_commit(out, &e->c->err);
}

int sim_emit_open(cli *c, const char *dir, const fdht_sim_program *p, const fdht_sim_hw *hw,
                  const fdht_sim_io *io, sim_emit **out)
{
    char path[FDHT_OUT_PATH];
    sim_emit *e = *out = cli_calloc(1, sizeof *e);
    *e = (sim_emit){.c = c, .dir = dir};
    if (strlen(dir) > sizeof path - 40)
        return cli_fail(c, FDHT_EINVAL, "--emit-rtl: the name of the folder is too long");
    fdht_error why = {0};
    int status = fdht_rtl_new(p, hw, io, &e->rtl, &why);
    if (status)
        return cli_fail(c, status, status == FDHT_ENOSUP ? "--emit-rtl: %s" : "%s", why.msg);
    e->made = !mkdir(dir, 0777);
    if (!e->made && errno != EEXIST)
        return cli_fail_errno(c, dir);
    for (int i = 0; i <= FDHT_RTL_IMAGES && !status; i++) {
        status = write_file(e, i, hw);
        e->written += !status;
    }
    snprintf(path, sizeof path, "%s/" TRACE, dir);
    if (!status)
        status = fdht_out_open(path, false, &c->out, &e->trace, &c->err);
    e->f = status ? NULL : fdht_out_stream(e->trace);
    for (int i = 0; i < fdht_sim_stages(p) && e->f; i++) {
        char name[FDHT_SIM_NAME + 2];
        fdht_sim_stage_name(p, i, name, sizeof name);
        fprintf(e->f, "# stage %d %s\n", i, name);
    }
    if (e->f)
        fprintf(e->f, "# cycle port buffer bank line stage word\n");
    return status;
}

void sim_emit_add(sim_emit *e, const fdht_sim_access *a)
{
    fprintf(e->f, "%llu %c %d %zu %zu %d %d\n", (unsigned long long)a->turn, a->port, a->buffer, a->bank,
            a->line, a->stage, a->value);
}

int sim_emit_close(sim_emit *e, const fdht_sim_report *r)
{
    int status = FDHT_OK;
    if (!e)
        return status;
    if (r) {
        fprintf(e->f, "end %llu\n", (unsigned long long)r->cycles);
        status = fdht_out_commit(e->trace, &e->c->err);
    } else
        fdht_out_discard(e->trace);
    char path[FDHT_OUT_PATH];
    for (int i = 0; i < e->written && (!r || status); i++) {
        name_file(e, i, path, sizeof path);
        unlink(path);
    }
    if ((!r || status) && e->made)
        rmdir(e->dir);
    fdht_rtl_free(&e->rtl);
    free(e);
    return status;
}
