/* label.c - label clips with a model, one line each: name, class, probability: label MODEL.h5 INPUT... */
#include <fdht/fdht.h>
#include <stdio.h>
#include <stdlib.h>

static void print_label(const char *clip, const fdht_model_spec *spec, float *scores)
{
    size_t best = 0;
    fdht_softmax(scores, spec->classes);
    for (size_t k = 1; k < spec->classes; k++)
        best = scores[k] > scores[best] ? k : best;
    if (spec->class_name)
        printf("%s\t%s\t%.4f\n", clip, spec->class_name[best], scores[best]);
    else
        printf("%s\t%zu\t%.4f\n", clip, best, scores[best]);
}

int main(int argc, char **argv)
{
    fdht_model *model = NULL;
    fdht_runner *runner = NULL;
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    fdht_clips_options options;
    fdht_error err = {0};
    float *scores = NULL;
    int status, failed = 0;
    if (argc < 3)
        return fputs("usage: label MODEL.h5 INPUT...\n", stderr), 2;
    if ((status = fdht_modelfile_read(argv[1], &model, NULL, NULL, &err)))
        goto out;
    const fdht_model_spec *spec = fdht_model_spec_of(model);
    fdht_clips_options_for_model(spec, &options);
    if (spec->classes == 0) /* scores would be the last state */
        status = FDHT_ENOSUP;
    else if (!(scores = calloc(spec->classes, sizeof *scores)))
        status = FDHT_ENOMEM;
    if (status || (status = fdht_runner_new(model, 0, &runner, &err)) ||
        (status = fdht_clips_open((const char *const *)argv + 2, (size_t)argc - 2, &options, &clips, &err)))
        goto out;
    while (!(status = fdht_clips_next(clips, &item, &err)) && item) {
        fdht_clip clip;
        if (!fdht_clip_of_item(item, model, &clip, &err) && !fdht_runner_run(runner, &clip, 1, scores, &err))
            print_label(item->name, spec, scores);
        else { /* this clip alone: the others go on */
            fprintf(stderr, "label: %s\n", err.msg);
            failed++;
        }
        fdht_clip_item_free(item);
    }
out:
    if (status)
        fprintf(stderr, "label: %s\n", *err.msg ? err.msg : fdht_strerror(status));
    fdht_clips_close(clips);
    fdht_runner_free(runner);
    fdht_model_free(model);
    free(scores);
    return status || failed;
}
