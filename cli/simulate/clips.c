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

/* One clip of pseudo-random pixels or features, for a model without --input. */
static void make_clip(cli *c, const fdht_workload *w, const fdht_model *m, clip_set *s)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    size_t n = w->steps * fdht_model_inputs(m);
    fdht_rng random;
    fdht_rng_seed(&random, c->seed, 0);
    s->item = cli_calloc(1, sizeof *s->item);
    s->clip = cli_calloc(1, sizeof *s->clip);
    s->made = cli_calloc(n, sizeof(float));
    *s->clip = (fdht_clip){.length = w->steps,
                           .width = spec->frame.width,
                           .height = spec->frame.height,
                           .channels = spec->frame.channels,
                           .features = spec->frame.width ? 0 : fdht_model_inputs(m)};
    if (spec->frame.width)
        s->clip->u8 = s->made;
    else
        s->clip->f32 = s->made;
    for (size_t i = 0; i < n; i++)
        if (spec->frame.width)
            ((uint8_t *)s->made)[i] = (uint8_t)(fdht_rng_u64(&random) >> 56);
        else
            ((float *)s->made)[i] = (float)(2 * fdht_rng_uniform(&random) - 1);
    s->n = 1;
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

/* One clip on the machine: adds its power of signal and noise, and whether the class is that of floating point. */
typedef struct clip_run {
    const fdht_sim_hw *hw;
    const fdht_sim_program *given;
    fdht_fixed_model *q;
    fdht_runner *runner;
    const fdht_model *m;
    double signal, noise;
} clip_run;

static int run_clip(cli *c, clip_run *k, const fdht_clip *clip, const sim_extra *to, fdht_sim_report *r,
                    bool *exact, bool *agree)
{
    fdht_fixed *f = fdht_fixed_model_cell(k->q);
    size_t T = clip->length, n_in = T * fdht_fixed_inputs(f), H = fdht_fixed_outputs(f);
    float *x = cli_calloc(n_in, sizeof *x), *y = cli_calloc(T * H, sizeof *y),
          *want = cli_calloc(T * H, sizeof *want);
    size_t scores = fdht_model_rows(k->m, T) * fdht_model_width(k->m);
    float *own = cli_calloc(2 * scores, sizeof *own), *other = own + scores;
    int16_t *xw = cli_calloc(n_in, sizeof *xw), *yw = cli_calloc(T * H, sizeof *yw);
    int status = fdht_fixed_model_inputs(k->q, clip, x, &c->err);
    if (!status) {
        fdht_fixed_quantise(f, n_in, x, xw);
        status = sim_machine(c, f, k->given, k->hw, T, xw, yw, to, r, exact);
    }
    if (!status && !(status = fdht_runner_states(k->runner, clip, want, NULL, NULL, &c->err)) &&
        !(status = fdht_runner_run(k->runner, clip, 1, other, &c->err))) {
        for (size_t i = 0; i < T * H; i++) {
            y[i] = (float)ldexp(yw[i], -fdht_fixed_output_frac(f));
            k->signal += (double)want[i] * want[i];
            k->noise += ((double)y[i] - want[i]) * ((double)y[i] - want[i]);
        }
        status = fdht_fixed_model_scores(k->q, T, y, own, &c->err);
        *agree = fdht_model_spec_of(k->m)->output == FDHT_OUTPUT_SOFTMAX && !fdht_model_each(k->m) &&
                 fdht_model_spec_of(k->m)->classes && best_class(own, scores) == best_class(other, scores);
    }
    free(x);
    free(y);
    free(want);
    free(own);
    free(xw);
    free(yw);
    return status;
}

/* A model on real clips: the report is the sum over them. */
int sim_run_clips(cli *c, const sim_args *a, const fdht_model *m, const fdht_sim_hw *hw,
                  const fdht_workload *w, const sim_extra *to, sim_result *s)
{
    clip_set set = {0};
    clip_run k = {.hw = hw, .given = a->choice.given, .m = m};
    cli_bar bar;
    int status = sim_describe(c, w, hw, s);
    if (!fdht_model_classic(m))
        cli_note(
            c, "simulated is link 0 alone, the recurrent layer; the %d links after it run in floating point",
            fdht_model_spec_of(m)->links - 1);
    cli_bar_start(c, &bar, "simulate");
    if (!status && !a->input)
        make_clip(c, w, m, &set);
    else if (!status)
        status = read_clips(c, a, m, &set);
    if (status || (status = fdht_fixed_model_new(m, &a->choice, hw, &k.q, &c->err)) ||
        (status = fdht_fixed_model_calibrate(k.q, set.clip, set.n, &c->err)) ||
        (status = fdht_runner_new(m, 1, &k.runner, &c->err)))
        goto out;
    fdht_program_order(fdht_fixed_program(fdht_fixed_model_cell(k.q)), s->order, sizeof s->order);
    s->bit_exact = 1;
    for (size_t i = 0; i < set.n && !status; i++) {
        fdht_sim_report r;
        bool exact = false, agree = false;
        if ((status = run_clip(c, &k, &set.clip[i], i ? NULL : to, &r, &exact, &agree)))
            break;
        s->bit_exact &= exact;
        s->agree += agree;
        s->clips += a->input != NULL;
        if (i) {
            fdht_sim_report_add(&s->r, &r);
            fdht_sim_report_free(&r);
        } else
            s->r = r;
        status = cli_bar_update(&bar, (double)(i + 1), (double)set.n, NULL);
    }
    if (!status) {
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
