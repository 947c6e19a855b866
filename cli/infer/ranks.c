/* infer/ranks.c - clips dealt over ranks: rank 0 writes the records of all, in the order of the clips. */
#include "infer/infer.h"

#include <stdlib.h>
#include <string.h>

#include "frame/ranks.h"

/* What a rank says of a round: up to a batch of records. */
typedef struct round_head {
    int status;
    fdht_error err;
    bool end, failed; /* it has no further clip; a clip of it cannot be run */
    size_t n, bytes;  /* records, and of their text */
} round_head;

int infer_ranks_parse(cli *c, infer_args *a)
{
    if (!c->ranks)
        return FDHT_OK;
    if (a->stream || a->from_stdin || a->split >= 0)
        return cli_usage(c, "ranks share the clips: no --stream, --from-stdin, --split");
    for (int i = 1; i < c->argc; i++)
        if (!strcmp(c->argv[i], "-"))
            return cli_usage(c, "ranks share the clips: no standard input");
    a->shard_number = (size_t)c->ranks->rank;
    a->shards = (size_t)c->ranks->size;
    return FDHT_OK;
}

/* The names of all records to every rank: text, and where each begins. */
static int send_known(infer_job *j)
{
    const fdht_ranks *r = j->c->ranks;
    size_t head[2] = {j->journal.n, 0};
    for (size_t i = 0; i < j->journal.n; i++)
        head[1] += strlen(j->journal.written[i]) + 1;
    int status = r->broadcast(r->arg, head, sizeof head, &j->c->err);
    if (status)
        return status;
    char *text = cli_calloc(head[1] + 1, 1), *at = text;
    for (size_t i = 0; i < j->journal.n; i++)
        at = stpcpy(at, j->journal.written[i]) + 1;
    status = r->broadcast(r->arg, text, head[1], &j->c->err);
    j->known_n = head[0];
    j->known_name = cli_calloc(j->known_n + 1, sizeof *j->known_name);
    j->known_name[0] = at = text; /* freed by it */
    for (size_t i = 1; i < j->known_n; i++)
        j->known_name[i] = at = at + strlen(at) + 1;
    return status;
}

int infer_ranks_known(infer_job *j, int status)
{
    cli *c = j->c;
    if (!c->ranks || !j->a->resume)
        return status;
    j->journal.format = j->a->format;
    if ((status = cli_agree(c, status)))
        return status;
    status = send_known(j);
    if (!status && c->ranks->rank == 0 && j->known_n)
        status = infer_check_last(j);
    j->done = j->known_n;
    return cli_agree(c, status);
}

bool infer_ranks_skip(void *arg, const char *name, size_t number)
{
    infer_job *j = arg;
    if (number >= j->known_n)
        return false;
    char *key = infer_journal_key(&j->journal, name);
    bool same = !strcmp(key, j->known_name[number]);
    free(key);
    return same;
}

int infer_ranks_open(infer_job *j)
{
    if (!j->c->ranks)
        return FDHT_OK;
    j->end = cli_calloc(j->batch, sizeof *j->end);
    j->records.out = open_memstream(&j->text, &j->text_size);
    return j->records.out ? FDHT_OK : cli_fail(j->c, FDHT_ENOMEM, "out of memory: records");
}

void infer_ranks_close(infer_job *j)
{
    if (j->end && j->records.out) /* else it is the journal's */
        fclose(j->records.out);
    free(j->text);
    free(j->end);
    if (j->known_name)
        free(j->known_name[0]);
    free(j->known_name);
}

/* Rank 0: record i of every rank, then record i + 1, for clip number c is record c / N of rank c mod N; the first rank is that of
 * the first clip without a record. */
static int write_round(infer_job *j, const round_head *head, const size_t *count, const char *all)
{
    int ranks = j->c->ranks->size;
    size_t most = 0, *at = cli_calloc((size_t)ranks, sizeof *at); /* where each rank's part of `all` begins */
    for (int r = 0; r < ranks; r++) {
        at[r] = r ? at[r - 1] + count[r - 1] : 0;
        most = head[r].n > most ? head[r].n : most;
    }
    for (size_t i = 0; i < most; i++)
        for (int k = 0; k < ranks; k++) {
            int r = (int)((j->known_n + (size_t)k) % (size_t)ranks);
            size_t from = 0, to;
            const char *part = all + at[r];
            if (i >= head[r].n)
                continue;
            if (i)
                memcpy(&from, part + (i - 1) * sizeof from, sizeof from);
            memcpy(&to, part + i * sizeof to, sizeof to);
            fwrite(part + head[r].n * sizeof to + from, 1, to - from, j->journal.out);
        }
    free(at);
    return infer_journal_flush(&j->journal);
}

/* This rank's part: where each record ends, and the text. Free with free(). */
static char *pack_round(const infer_job *j, size_t n)
{
    char *mine = cli_calloc(n * sizeof *j->end + j->text_size + 1, 1);
    memcpy(mine, j->end, n * sizeof *j->end);
    memcpy(mine + n * sizeof *j->end, j->text, j->text_size);
    return mine;
}

static int exchange(infer_job *j, const round_head *mine, round_head *all, round_head *out)
{
    const fdht_ranks *r = j->c->ranks;
    size_t *count = cli_calloc((size_t)r->size, sizeof *count), sum = 0;
    for (int i = 0; i < r->size; i++)
        count[i] = sizeof *mine;
    int status = r->gather(r->arg, mine, sizeof *mine, all, count, &j->c->err);
    for (int i = 0; !status && r->rank == 0 && i < r->size; i++) {
        count[i] = all[i].n * sizeof *j->end + all[i].bytes;
        sum += count[i];
        out->end &= all[i].end;
        out->failed |= all[i].failed;
    }
    char *text = pack_round(j, mine->n), *records = cli_calloc(sum + 1, 1);
    if (!status)
        status = r->gather(r->arg, text, mine->n * sizeof *j->end + mine->bytes, records, count, &j->c->err);
    if (!status && r->rank == 0)
        out->status = write_round(j, all, count, records);
    out->err = j->c->err;
    free(text);
    free(records);
    free(count);
    return status ? status : r->broadcast(r->arg, out, sizeof *out, &j->c->err);
}

int infer_ranks_round(infer_job *j, size_t n, int status, bool *end)
{
    cli *c = j->c;
    if (!c->ranks)
        return status;
    if ((status = cli_agree(c, status)))
        return status;
    fclose(j->records.out);
    round_head mine = {.end = *end, .failed = c->status == 1, .n = n, .bytes = j->text_size},
               out = {.end = true};
    round_head *all = cli_calloc((size_t)c->ranks->size, sizeof *all);
    status = exchange(j, &mine, all, &out);
    free(all);
    free(j->text);
    j->text = NULL;
    j->records.out = open_memstream(&j->text, &j->text_size);
    if (status)
        return status;
    c->agreed = out.status;
    if (out.status)
        c->err = out.err;
    *end = out.end;
    if (out.failed && c->ranks->rank == 0)
        c->status = 1;
    return out.status       ? out.status
           : j->records.out ? FDHT_OK
                            : cli_fail(c, FDHT_ENOMEM, "out of memory: records");
}

int infer_ranks_score(infer_job *j)
{
    infer_records *r = &j->records;
    const fdht_ranks *ranks = j->c->ranks;
    double mine[] = {(double)r->labelled,   (double)r->right, (double)r->hit, (double)r->missed,
                     (double)r->false_ones, r->absolute,      r->square};
    enum { N = sizeof mine / sizeof *mine };
    if (!ranks)
        return FDHT_OK;
    double *all = cli_calloc((size_t)ranks->size * N, sizeof *all);
    size_t *count = cli_calloc((size_t)ranks->size, sizeof *count);
    for (int i = 0; i < ranks->size; i++)
        count[i] = sizeof mine;
    int status = ranks->gather(ranks->arg, mine, sizeof mine, all, count, &j->c->err);
    for (int i = 1; !status && ranks->rank == 0 && i < ranks->size; i++)
        for (size_t k = 0; k < N; k++)
            mine[k] += all[(size_t)i * N + k];
    r->labelled = (size_t)mine[0];
    r->right = (size_t)mine[1];
    r->hit = (size_t)mine[2];
    r->missed = (size_t)mine[3];
    r->false_ones = (size_t)mine[4];
    r->absolute = mine[5];
    r->square = mine[6];
    free(all);
    free(count);
    return status;
}
