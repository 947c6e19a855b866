/* nn/runner.c - clips in, logits out: clips shared by threads, or all clips in one product. */
#include <math.h>
#include <string.h>

#include "nn/runner.h"

static int new_worker(fdht_runner *r, int w, fdht_error *err)
{
    int status = fdht_tape_new_f32(r->net, false, &r->tape[w], err);
    if (status)
        return status;
    r->line[w] = fdht_calloc_err(2 * r->model->inputs, 1, "runner", err);
    return r->line[w] ? FDHT_OK : FDHT_ENOMEM;
}

static int new_workers(fdht_runner *r, fdht_error *err)
{
    int status = FDHT_OK;
    r->workers = fdht_team_size(r->team);
    r->tape = fdht_calloc_err((size_t)r->workers, sizeof *r->tape, "runner", err);
    r->line = fdht_calloc_err((size_t)r->workers, sizeof *r->line, "runner", err);
    if (!r->tape || !r->line)
        return FDHT_ENOMEM;
    for (int w = 0; w < r->workers && !status; w++)
        status = new_worker(r, w, err);
    return status;
}

int fdht_runner_new(const fdht_model *m, int threads, fdht_runner **out, fdht_error *err)
{
    fdht_runner *r = fdht_calloc_err(1, sizeof *r, "runner", err);
    int status;
    *out = NULL;
    if (!r)
        return FDHT_ENOMEM;
    r->model = m;
    if ((status = fdht_team_new(threads, &r->team, err)) ||
        (status = fdht_net_new_f32(m, fdht_team_size(r->team), false, &r->net, err)) ||
        (status = new_workers(r, err)))
        goto out;
    fdht_net_pack_f32(r->net, m->values);
    *out = r;
    r = NULL;
out:
    fdht_runner_free(r);
    return status;
}

int fdht_runner_borrow(fdht_net_f32 *net, fdht_team *team, fdht_runner **out, fdht_error *err)
{
    fdht_runner *r = fdht_calloc_err(1, sizeof *r, "runner", err);
    *out = NULL;
    if (!r)
        return FDHT_ENOMEM;
    *r = (fdht_runner){.model = net->model, .net = net, .team = team, .borrowed = true};
    int status = new_workers(r, err);
    if (!status)
        *out = r;
    else
        fdht_runner_free(r);
    return status;
}

void fdht_runner_free(fdht_runner *r)
{
    if (!r)
        return;
    for (int w = 0; w < r->workers; w++) {
        if (r->tape)
            fdht_tape_free_f32(r->tape[w]);
        if (r->line)
            fdht_free(r->line[w]);
    }
    fdht_free(r->tape);
    fdht_free(r->line);
    if (!r->borrowed) {
        fdht_net_free_f32(r->net);
        fdht_team_free(r->team);
    }
    fdht_free(r);
}

/* The clips that run together, and the scratch of the worker that runs them. */
typedef struct clips_source {
    const fdht_runner *runner;
    const fdht_clip *clip;
    bool raw;
} clips_source;

static fdht_frames frames_of(const clips_source *s, size_t clip)
{
    const fdht_model *m = s->runner->model;
    return (fdht_frames){.spec = &m->spec.frame, .inputs = m->inputs, .clip = s->clip[clip], .raw = s->raw};
}

static void load_frame(void *arg, size_t clip, size_t t, int worker, size_t first, size_t n, float *dst)
{
    const clips_source *s = arg;
    fdht_frames f = frames_of(s, clip);
    fdht_frames_load(&f, t, first, n, s->runner->line[worker], dst);
}

static bool bytes_of_frame(void *arg, size_t clip, size_t t, fdht_bytes *out)
{
    fdht_frames f = frames_of(arg, clip);
    return fdht_frames_bytes(&f, t, out);
}

/* The input of clips on a tape; they are all bytes, or all floats. */
static fdht_input_f32 input_of(clips_source *s)
{
    const fdht_frame_spec *spec = &s->runner->model->spec.frame;
    s->raw = s->runner->net->shift && s->clip->u8 && !spec->by_channel;
    return (fdht_input_f32){
        .load = load_frame, .bytes = bytes_of_frame, .arg = s, .raw = s->raw, .zero_first = spec->diff};
}

/* Run n <= FDHT_GROUP clips on a worker's tape. */
static int run_clips(fdht_runner *r, int worker, const fdht_clip *clip, size_t n, fdht_error *err)
{
    size_t length[FDHT_GROUP];
    for (size_t i = 0; i < n; i++)
        length[i] = clip[i].length;
    int status = fdht_tape_set_f32(r->tape[worker], n, length, err);
    if (status)
        return status;
    clips_source source = {.runner = r, .clip = clip};
    fdht_input_f32 input = input_of(&source);
    fdht_net_forward_f32(r->tape[worker], &input, NULL, worker);
    return FDHT_OK;
}

/* How many of n clips, of which a worker takes at most `share`, run together: they fill blocks of lanes, and their scores do not
 * depend on each other. */
static size_t group_size(const fdht_runner *r, const fdht_clip *clip, size_t n, size_t share)
{
    size_t group = 1, steps = clip->length;
    n = FDHT_MIN(n, FDHT_MIN(share, (size_t)FDHT_GROUP));
    while (r->net->in_lanes && group < n && steps + clip[group].length <= FDHT_RUNNER_STEPS &&
           !clip[group].u8 == !clip->u8)
        steps += clip[group++].length;
    return group;
}

typedef struct run_job {
    fdht_runner *runner;
    const fdht_clip *clip;
    const size_t *first; /* (n) where a clip's scores begin */
    size_t *group;       /* (groups + 1) the first clip of each */
    float *scores;
    int *status; /* (groups) */
} run_job;

static void run_item(void *arg, size_t i, int worker)
{
    run_job *j = arg;
    fdht_runner *r = j->runner;
    size_t first = j->group[i], n = j->group[i + 1] - first;
    if ((j->status[i] = run_clips(r, worker, j->clip + first, n, NULL)))
        return;
    for (size_t p = 0; p < n; p++)
        fdht_net_scores_f32(r->tape[worker], p,
                            j->scores + j->first[first + r->tape[worker]->rows[0].order[p]]);
}

/* (n) where the scores of each clip begin; NULL: out of memory. */
static size_t *first_scores(const fdht_model *m, const fdht_clip *clip, size_t n, fdht_error *err)
{
    size_t *first = fdht_calloc_err(n, sizeof *first, "runner", err), at = 0;
    for (size_t i = 0; first && i < n; i++) {
        first[i] = at;
        at += fdht_model_rows(m, clip[i].length) * m->width;
    }
    return first;
}

int fdht_runner_run(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores, fdht_error *err)
{
    int status = FDHT_OK;
    size_t share = (n + (size_t)r->workers - 1) / (size_t)r->workers, groups = 0;
    for (size_t i = 0; i < n; i++)
        if ((status = fdht_model_check_clip(r->model, &clip[i], err)))
            return fdht_fail_prefix(err, status, "clip %zu", i);
    run_job job = {.runner = r, .clip = clip, .scores = scores};
    size_t *first = first_scores(r->model, clip, n, err);
    job.first = first;
    job.group = fdht_calloc_err(n + 1, sizeof *job.group, "runner", err);
    job.status = fdht_calloc_err(n, sizeof *job.status, "runner", err);
    if (!first || !job.group || !job.status) {
        status = FDHT_ENOMEM;
        goto out;
    }
    fdht_net_find_shift_f32(r->net);
    for (size_t i = 0; i < n; i = job.group[++groups])
        job.group[groups + 1] = i + group_size(r, clip + i, n - i, share);
    fdht_team_for(r->team, groups, run_item, &job);
    for (size_t i = 0; i < groups && !status; i++)
        if (job.status[i])
            status = fdht_fail(err, job.status[i], "clip %zu: %s (%zu frames)", job.group[i],
                               fdht_strerror(job.status[i]), clip[job.group[i]].length);
out:
    fdht_free(first);
    fdht_free(job.group);
    fdht_free(job.status);
    return status;
}

int fdht_runner_run_together(fdht_runner *r, const fdht_clip *clip, size_t n, float *scores, fdht_error *err)
{
    int status = FDHT_OK;
    fdht_tape_f32 *tape = NULL;
    size_t *length = NULL, *first = NULL;
    for (size_t i = 0; i < n; i++)
        if ((status = fdht_model_check_clip(r->model, &clip[i], err)))
            return fdht_fail_prefix(err, status, "clip %zu", i);
    if ((status = fdht_tape_new_f32(r->net, false, &tape, err)))
        return status;
    status = FDHT_ENOMEM;
    length = fdht_calloc_err(n, sizeof *length, "runner", err);
    first = first_scores(r->model, clip, n, err);
    if (!length || !first)
        goto out;
    for (size_t i = 0; i < n; i++)
        length[i] = clip[i].length;
    if ((status = fdht_tape_set_f32(tape, n, length, err)))
        goto out;
    clips_source source = {.runner = r, .clip = clip};
    fdht_input_f32 input = input_of(&source);
    fdht_net_find_shift_f32(r->net);
    fdht_net_forward_f32(tape, &input, r->team, 0);
    for (size_t p = 0; p < n; p++)
        fdht_net_scores_f32(tape, p, scores + first[tape->rows[0].order[p]]);
out:
    fdht_tape_free_f32(tape);
    fdht_free(length);
    fdht_free(first);
    return status;
}

size_t fdht_runner_bytes(const fdht_runner *r, size_t length)
{
    size_t worker = 2 * r->model->inputs;
    return fdht_net_bytes_f32(r->net) + (size_t)r->workers * worker +
           fdht_tape_bytes_f32(r->net, false, 1, length);
}

int fdht_runner_states(fdht_runner *r, const fdht_clip *clip, float *y, float *h_n, float *c_n,
                       fdht_error *err)
{
    const fdht_model *m = r->model;
    const fdht_tape_f32 *t = r->tape[0];
    int status = fdht_model_check_clip(m, clip, err);
    if (!status) {
        fdht_net_find_shift_f32(r->net);
        status = run_clips(r, 0, clip, 1, err);
    }
    if (status)
        return status;
    int link = m->cell[m->n_cells - 1].link;
    size_t ldy = r->net->ldy[link], rows = fdht_tape_rows_f32(t, link);
    for (size_t s = 0; y && s < rows; s++)
        memcpy(y + s * m->outputs, t->y[link] + s * ldy, m->outputs * sizeof *y);
    for (int i = 0; i < m->n_cells; i++) {
        size_t state = m->cell[i].state, hidden = m->cell[i].spec.hidden;
        size_t last = fdht_tape_cell_rows_f32(t, i)->steps - 1;
        if (h_n) {
            memcpy(h_n, t->cell[i].h + last * r->net->cell[i].ldh, state * sizeof *h_n);
            h_n += state;
        }
        if (c_n) {
            memset(c_n, 0, hidden * sizeof *c_n);
            if (t->cell[i].c)
                memcpy(c_n, t->cell[i].c + last * hidden, hidden * sizeof *c_n);
            c_n += hidden;
        }
    }
    return FDHT_OK;
}
