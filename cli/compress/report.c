/* compress/report.c - what `fdht compress` prints: tables and the JSON document. */
#include "compress/compress.h"

#include <math.h>
#include <sys/resource.h>

static size_t peak_memory(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024;
}

const char *compress_modes_text(const size_t *v, int d, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = 0;
    for (int k = 0; k < d && at < size; k++)
        at += (size_t)snprintf(buf + at, size - at, "%s%zu", k ? "," : "", v[k]);
    return buf;
}

void compress_cell_name(const fdht_compress_cell *x, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s", x->lstm->name, x->direction ? " (reverse)" : "");
    cli_one_line(buf);
}

/* ---- JSON ---- */

void compress_json_modes(cJSON *j, const fdht_compress_cell *x)
{
    const fdht_op_spec *s = &x->spec.op;
    cli_json_sizes(j, "in_modes", s->in, (size_t)s->d);
    cli_json_sizes(j, "out_modes", s->out, (size_t)s->d);
    cli_json_string(j, "tree", x->tree[0] ? x->tree : NULL);
    if (s->blocks)
        cli_json_int(j, "blocks", s->blocks);
    cli_json_string(j, "why", x->reason);
}

static void json_nodes(cJSON *j, const fdht_compress_cell *x)
{
    cJSON *nodes = cli_json_array(j, "nodes");
    for (int i = 0; i < x->decomp.n_nodes; i++) {
        const fdht_decomp_node *n = &x->decomp.node[i];
        cJSON *o = cli_json_object(nodes, NULL);
        size_t kept = n->rank < n->n_sigma ? n->rank : n->n_sigma;
        cli_json_string(o, "name", n->name);
        cli_json_size(o, "size", n->size);
        cli_json_size(o, "rank", n->rank);
        cli_json_numbers(o, "kept", n->sigma, kept);
        cli_json_numbers(o, "dropped", n->sigma + kept, n->n_sigma - kept);
        cli_json_number(o, "error", n->error);
    }
}

void compress_json_result(cJSON *j, double error, double bound, size_t parameters, size_t dense)
{
    cli_json_number(j, "error_rel", error);
    cli_json_number(j, "bound_rel", bound);
    cli_json_size(j, "parameters", parameters);
    cli_json_size(j, "parameters_dense", dense);
    cli_json_number(j, "ratio", parameters ? (double)dense / (double)parameters : 0);
}

const char *compress_format_name(int format)
{
    static const char *const formats[] = {"fdht", "ht", "tt", "tr", "bt", "all"};
    return formats[format];
}

cJSON *compress_json_start(const compress_run *r)
{
    cJSON *j = cli_json_new(r->c);
    cli_json_string(j, "file", r->a->path);
    cli_json_string(j, "format", compress_format_name(r->a->format));
    return j;
}

void compress_json_end(cJSON *j, const compress_run *r)
{
    cli_json_number(j, "seconds", r->seconds);
    cli_json_size(j, "peak_memory_bytes", peak_memory());
    cli_json_print(stdout, j);
}

static void print_json(const compress_run *r)
{
    cJSON *j = compress_json_start(r);
    cli_json_string(j, "output", r->c->output);
    compress_json_result(j, r->report.error, r->report.bound, r->report.parameters, r->report.dense);
    compress_json_modes(j, &r->report.cell[0]);
    json_nodes(j, &r->report.cell[0]);
    cJSON *cells = cli_json_array(j, "cells");
    for (int i = 0; i < r->report.n_cells; i++) {
        const fdht_compress_cell *x = &r->report.cell[i];
        cJSON *o = cli_json_object(cells, NULL);
        cli_json_string(o, "name", x->lstm->name);
        cli_json_int(o, "direction", x->direction);
        compress_json_result(o, x->decomp.error, x->decomp.bound, x->decomp.parameters, x->dense);
        compress_json_modes(o, x);
        cli_json_string(o, "method", x->decomp.method);
        cli_json_bool(o, "met", x->decomp.met);
        cli_json_string(o, "note", x->decomp.note[0] ? x->decomp.note : NULL);
        json_nodes(o, x);
    }
    cJSON *check = cli_json_object(j, "self_check");
    cli_json_number(check, "import_difference", r->report.import_difference);
    cli_json_number(check, "output_difference", r->report.output_difference);
    cli_json_number(check, "output_difference_rel", r->report.output_relative);
    cli_json_bool(j, "classifier", r->report.classifier);
    compress_json_eval(j, r);
    compress_json_end(j, r);
}

/* ---- --eval ---- */

void compress_json_score(cJSON *j, const compress_score *s)
{
    cli_json_number(j, "accuracy", s->accuracy);
    cli_json_number(j, "agreement", s->agreement);
    cli_json_number(j, "output_difference_rel", s->difference);
}

void compress_json_eval(cJSON *j, const compress_run *r)
{
    if (!r->eval.n)
        return;
    cJSON *o = cli_json_object(j, "eval");
    cli_json_string(o, "file", r->a->eval);
    cli_json_string(o, "split", r->eval.split);
    cli_json_size(o, "clips", r->eval.n);
    cli_json_size(o, "labelled", r->eval.labelled);
    cli_json_number(cli_json_object(o, "original"), "accuracy", r->eval.original.accuracy);
    if (!r->c->dry_run)
        compress_json_score(cli_json_object(o, "compressed"), &r->score);
}

void compress_print_eval(const compress_run *r)
{
    const compress_eval *e = &r->eval;
    if (!e->n)
        return;
    printf("evaluation      %zu clips (%s) of %s, %zu labelled", e->n, e->split, r->a->eval, e->labelled);
    if (e->labelled)
        printf("; accuracy of the original %.4f", e->original.accuracy);
    if (!r->c->dry_run) {
        if (e->labelled)
            printf(", compressed %.4f", r->score.accuracy);
        if (isfinite(r->score.agreement))
            printf("; the same answer in %.4f", r->score.agreement);
        printf("; outputs differ by %.3g of their norm", r->score.difference);
    }
    putchar('\n');
}

/* ---- text ---- */

static void print_cell(const compress_run *r, const fdht_compress_cell *x)
{
    char name[128], in[160], out[160];
    compress_cell_name(x, name, sizeof name);
    printf("%s: %s, %zu inputs, %zu hidden; %s\n", name, fdht_layout_name(x->lstm->layout),
           x->lstm->input_size, x->lstm->hidden_size, x->lstm->why);
    printf("  modes    %s -> %s%s%s (%s)\n", compress_modes_text(x->spec.op.in, x->spec.op.d, in, sizeof in),
           compress_modes_text(x->spec.op.out, x->spec.op.d, out, sizeof out), x->tree[0] ? ", tree " : "",
           x->tree, x->reason);
    printf("  method   %s, %zu %s\n\n", x->decomp.method, x->decomp.slabs,
           x->decomp.slabs == 1 ? "slab" : "slabs");
    printf("  %-16s %6s %6s %12s %12s %12s %11s\n", "node", "size", "rank", "largest", "last kept",
           "first dropped", "error");
    for (int i = 0; i < x->decomp.n_nodes; i++) {
        const fdht_decomp_node *n = &x->decomp.node[i];
        size_t kept = n->rank < n->n_sigma ? n->rank : n->n_sigma;
        printf("  %-16s %6zu %6zu %12.5g %12.5g ", n->name, n->size, n->rank, n->n_sigma ? n->sigma[0] : 0,
               kept ? n->sigma[kept - 1] : 0);
        if (kept < n->n_sigma)
            printf("%13.5g", n->sigma[kept]);
        else
            printf("%13s", "-");
        printf(" %11.4g\n", n->error);
    }
    printf("\n  error    %.6g measured, %.6g bound\n", x->decomp.error, x->decomp.bound);
    printf("  size     %zu parameters for %zu: 1/%.1f\n", x->decomp.parameters, x->dense,
           x->decomp.parameters ? (double)x->dense / (double)x->decomp.parameters : 0);
    if (x->decomp.note[0])
        printf("  note     %s\n", x->decomp.note);
    putchar('\n');
    (void)r;
}

void compress_print(const compress_run *r)
{
    if (r->c->json) {
        print_json(r);
        return;
    }
    for (int i = 0; i < r->report.n_cells; i++)
        print_cell(r, &r->report.cell[i]);
    if (r->report.n_cells > 1)
        printf("all: error %.6g measured, %.6g bound; %zu parameters for %zu: 1/%.1f\n", r->report.error,
               r->report.bound, r->report.parameters, r->report.dense,
               (double)r->report.dense / (double)r->report.parameters);
    if (isfinite(r->report.import_difference))
        printf("import check    outputs on a fixed input differ by at most %.3g from the file's\n",
               r->report.import_difference);
    printf("output check    compressed: by at most %.3g, %.3g of their norm\n", r->report.output_difference,
           r->report.output_relative);
    compress_print_eval(r);
    printf("time            %.2f s, peak memory %.1f MB\n", r->seconds, (double)peak_memory() / 1e6);
    if (r->c->output)
        printf("written         %s\n", r->c->output);
}
