/* simulate/clips.c - a trained model on real clips, or on a random one: the report is the sum over them. */
#include <math.h>
#include <stdlib.h>

#include "fdht/basics.h"
#include "fdht/clips.h"
#include "frame/clips.h"
#include "frame/progress.h"
#include "frame/signals.h"
#include "simulate/simulate.h"

typedef struct clip_set {
    size_t n;
    fdht_clip_item **item;
    fdht_clip *clip;
    void *made; /* the frames of a random clip */
} clip_set;

static void free_clips(clip_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        fdht_clip_item_free(s->item[i]);
    free(s->item);
    free(s->clip);
    free(s->made);
}

/* Clips of pseudo-random pixels or features, for a model without --input. */
static void make_clips(cli *c, const fdht_workload *w, const fdht_model *m, size_t clips, clip_set *s)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    size_t n = w->steps * fdht_model_inputs(m);
    bool pixels = spec->frame.width > 0;
    fdht_rng random;
    fdht_rng_seed(&random, c->seed, 0);
    s->item = cli_calloc(clips, sizeof *s->item);
    s->clip = cli_calloc(clips, sizeof *s->clip);
    s->made = cli_calloc(clips * n, sizeof(float));
    for (size_t i = 0; i < clips * n; i++)
        if (pixels)
            ((uint8_t *)s->made)[i] = (uint8_t)(fdht_rng_u64(&random) >> 56);
        else
            ((float *)s->made)[i] = (float)(2 * fdht_rng_uniform(&random) - 1);
    for (s->n = 0; s->n < clips; s->n++)
        s->clip[s->n] = (fdht_clip){.length = w->steps,
                                    .width = spec->frame.width,
                                    .height = spec->frame.height,
                                    .channels = spec->frame.channels,
                                    .features = pixels ? 0 : fdht_model_inputs(m),
                                    .u8 = pixels ? (uint8_t *)s->made + s->n * n : NULL,
                                    .f32 = pixels ? NULL : (float *)s->made + s->n * n};
}

static int read_clips(cli *c, const sim_args *a, const fdht_model *m, clip_set *s)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    fdht_clips_options opt;
    fdht_clips *src = NULL;
    fdht_clip_item *item = NULL;
    size_t most = a->clips ? a->clips : 8;
    fdht_clips_options_for_model(spec, &opt);
    if (a->resize) {
        opt.width = spec->frame.width;
        opt.height = spec->frame.height;
    }
    opt.stop = cli_stop_flag();
    s->item = cli_calloc(most, sizeof *s->item);
    s->clip = cli_calloc(most, sizeof *s->clip);
    int status = fdht_clips_open(&a->input, 1, &opt, &src, &c->err);
    while (!status && s->n < most && !(status = fdht_clips_next(src, &item, &c->err)) && item) {
        fdht_error why;
        if (fdht_clip_of_item(item, m, &s->clip[s->n], &why))
            status = cli_fail(c, item->status ? item->status : FDHT_EFORMAT, "%s%s", why.msg,
                              cli_size_hint(item, spec));
        s->item[s->n++] = item;
    }
    fdht_clips_close(src);
    if (!status && !s->n)
        status = cli_fail(c, FDHT_EFORMAT, "%s: no clips", a->input);
    return status;
}

static size_t best_class(const float *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = v[i] > v[best] ? i : best;
    return best;
}

/* Clips that go together are of one length: their steps take turns. */
static int check_lengths(cli *c, const clip_set *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->clip[i].length != s->clip[0].length)
            return cli_fail(c, FDHT_EFORMAT,
                            "clip %s: %zu frames, clip %s has %zu: --at-once takes clips of one length",
                            s->item[i]->name, s->clip[i].length, s->item[0]->name, s->clip[0].length);
    return FDHT_OK;
}

/* Clips on the machine: adds their power of signal and noise, and how many get the class of floating point. */
typedef struct clip_run {
    const fdht_sim_hw *hw;
    const fdht_sim_program *given;
    fdht_fixed_model *q;
    fdht_runner *runner;
    const fdht_model *m;
    double signal, noise;
    size_t agree;
} clip_run;

/* What a clip's states, words y (steps, units), are beside those of the model in floating point. */
static int judge_clip(cli *c, clip_run *k, const fdht_clip *clip, const int16_t *words)
{
    fdht_fixed *f = fdht_fixed_model_cell(k->q);
    size_t T = clip->length, H = fdht_fixed_outputs(f);
    size_t scores = fdht_model_rows(k->m, T) * fdht_model_width(k->m);
    float *y = cli_calloc(T * H, sizeof *y), *want = cli_calloc(T * H, sizeof *want);
    float *own = cli_calloc(2 * scores, sizeof *own), *other = own + scores;
    int status = fdht_runner_states(k->runner, clip, want, NULL, NULL, &c->err);
    if (!status && !(status = fdht_runner_run(k->runner, clip, 1, other, &c->err))) {
        for (size_t i = 0; i < T * H; i++) {
            y[i] = (float)ldexp(words[i], -fdht_fixed_output_frac(f));
            k->signal += (double)want[i] * want[i];
            k->noise += ((double)y[i] - want[i]) * ((double)y[i] - want[i]);
        }
        status = fdht_fixed_model_scores(k->q, T, y, own, &c->err);
        k->agree += fdht_model_spec_of(k->m)->output == FDHT_OUTPUT_SOFTMAX && !fdht_model_each(k->m) &&
                    fdht_model_spec_of(k->m)->classes && best_class(own, scores) == best_class(other, scores);
    }
    free(y);
    free(want);
    free(own);
    return status;
}

/* n clips of one length at the same time. */
static int run_together(cli *c, clip_run *k, const fdht_clip *clip, size_t n, const sim_extra *to,
                        fdht_sim_report *r, bool *exact)
{
    fdht_fixed *f = fdht_fixed_model_cell(k->q);
    size_t T = clip->length, n_in = T * fdht_fixed_inputs(f), n_out = T * fdht_fixed_outputs(f);
    float *x = cli_calloc(n_in, sizeof *x);
    int16_t *xw = cli_calloc(n * n_in, sizeof *xw), *y = cli_calloc(n * n_out, sizeof *y);
    int status = FDHT_OK;
    for (size_t i = 0; i < n && !status; i++) {
        status = fdht_fixed_model_inputs(k->q, &clip[i], x, &c->err);
        if (!status)
            fdht_fixed_quantise(f, n_in, x, xw + i * n_in);
    }
    sim_extra all = to ? *to : (sim_extra){0};
    all.clips = n;
    status = status ? status : sim_machine(c, f, k->given, k->hw, T, xw, y, &all, r, exact);
    for (size_t i = 0; i < n && !status; i++)
        status = judge_clip(c, k, &clip[i], y + i * n_out);
    free(x);
    free(xw);
    free(y);
    return status;
}

/* A model on real clips: the report is the sum over them. */
int sim_run_clips(cli *c, const sim_args *a, const fdht_model *m, const fdht_sim_hw *hw,
                  const fdht_workload *w, const sim_extra *to, sim_result *s)
{
    clip_set set = {0};
    clip_run k = {.hw = hw, .given = a->choice.given, .m = m};
    size_t at_once = a->at_once ? a->at_once : 1;
    cli_bar bar;
    int status = sim_describe(c, w, hw, s);
    if (!fdht_model_classic(m))
        cli_note(
            c, "simulated is link 0 alone, the recurrent layer; the %d links after it run in floating point",
            fdht_model_spec_of(m)->links - 1);
    cli_bar_start(c, &bar, "simulate");
    if (!status && !a->input)
        make_clips(c, w, m, at_once, &set);
    else if (!status)
        status = read_clips(c, a, m, &set);
    if (status || (at_once > 1 && (status = check_lengths(c, &set))) ||
        (status = fdht_fixed_model_new(m, &a->choice, hw, &k.q, &c->err)) ||
        (status = fdht_fixed_model_calibrate(k.q, set.clip, set.n, &c->err)) ||
        (status = fdht_runner_new(m, 1, &k.runner, &c->err)))
        goto out;
    fdht_program_order(fdht_fixed_program(fdht_fixed_model_cell(k.q)), s->order, sizeof s->order);
    s->bit_exact = 1;
    for (size_t i = 0, n; i < set.n && !status; i += n) {
        fdht_sim_report r;
        bool exact = false;
        n = at_once < set.n - i ? at_once : set.n - i;
        if ((status = run_together(c, &k, &set.clip[i], n, i ? NULL : to, &r, &exact)))
            break;
        s->bit_exact &= exact;
        if (i) {
            fdht_sim_report_add(&s->r, &r);
            fdht_sim_report_free(&r);
        } else
            s->r = r;
        status = cli_bar_update(&bar, (double)(i + n), (double)set.n, NULL);
    }
    if (!status) {
        s->clips = a->input ? set.n : 0;
        s->agree = k.agree;
        fdht_sim_price(hw, &s->r);
        s->f = fdht_sim_figures_of(hw, &s->r, s->dense);
        s->snr_db = 10 * log10(k.signal / k.noise);
    }
out:
    cli_bar_end(&bar);
    if (status)
        sim_result_free(s);
    fdht_runner_free(k.runner);
    fdht_fixed_model_free(k.q);
    free_clips(&set);
    return status;
}
