/* simulate.c - one clip on the accelerator, cycle by cycle, beside floating point: simulate MODEL.h5 CLIP */
#include <fdht/fdht.h>
#include <stdio.h>
#include <stdlib.h>

/* Words in, words out, cycles counted; the words are checked against a second implementation. */
static int run(fdht_fixed_model *fixed, const fdht_sim_hw *hw, const fdht_clip *clip, fdht_error *err)
{
    fdht_fixed *cell = fdht_fixed_model_cell(fixed);
    fdht_sim_program *program = fdht_fixed_program(cell);
    fdht_sim_report r = {.cycles = 0};
    size_t n = clip->length * fdht_fixed_inputs(cell);
    float *x = calloc(n, sizeof *x);
    int16_t *in = calloc(n, sizeof *in), *out = calloc(clip->length * fdht_fixed_outputs(cell), sizeof *out);
    int status = x && in && out ? fdht_fixed_model_inputs(fixed, clip, x, err) : FDHT_ENOMEM;
    if (!status)
        fdht_fixed_quantise(cell, n, x, in);
    if (!status && !(status = fdht_sim_map_program(program, hw, err)) &&
        !(status =
              fdht_sim_run(program, hw, &(fdht_sim_io){.steps = clip->length, .x = in, .y = out}, &r, err)) &&
        !(status = fdht_fixed_check(cell, clip->length, in, out, err)))
        printf("%s: %zu steps, %.2f us\n", hw->name, clip->length, 1e6 * (double)r.cycles / hw->clock_hz);
    fdht_sim_report_free(&r);
    free(x);
    free(in);
    free(out);
    return status;
}

int main(int argc, char **argv)
{
    fdht_error err = {0};
    fdht_model *model = NULL;
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    fdht_clips_options options;
    fdht_clip clip;
    fdht_fixed_model *fixed = NULL;
    fdht_order_choice order = {.kind = FDHT_ORDER_BEST};
    fdht_sim_hw hw;
    int status;
    if (argc != 3)
        return fputs("usage: simulate MODEL.h5 CLIP\n", stderr), 2;
    if (!(status = fdht_modelfile_read(argv[1], &model, NULL, NULL, &err)))
        fdht_clips_options_for_model(fdht_model_spec_of(model), &options);
    if (status || (status = fdht_clips_open((const char *const *)argv + 2, 1, &options, &clips, &err)) ||
        (status = fdht_clips_next(clips, &item, &err)) ||
        (status = fdht_clip_of_item(item, model, &clip, &err)) ||
        (status = fdht_sim_hw_named("fdht", &hw, &err)) ||
        (status = fdht_fixed_model_new(model, &order, &hw, &fixed, &err)) ||
        (status = fdht_fixed_model_calibrate(fixed, &clip, 1, &err)) ||
        (status = run(fixed, &hw, &clip, &err)))
        fprintf(stderr, "simulate: %s\n", *err.msg ? err.msg : fdht_strerror(status));
    fdht_fixed_model_free(fixed);
    fdht_clip_item_free(item);
    fdht_clips_close(clips);
    fdht_model_free(model);
    return status != FDHT_OK;
}
