/* The network around the LSTMs against tests/data/cases: what numpy computes from the files' own descriptions, what is
 * left out, and what is refused. cases.json and own.json list the files. */
#include "support/weights_test.h"

#include <cjson/cJSON.h>
#include <math.h>

#define CASES "tests/data/cases/"

static cJSON *load(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    fclose(f);
    cJSON *list = cJSON_Parse(text);
    free(text);
    assert_non_null(list);
    return list;
}

static const char *text(const cJSON *c, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, name));
}

static const cJSON *list_of(const cJSON *c, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(c, name);
}

static int activation_of(const cJSON *c)
{
    fdht_activation a;
    const char *name = text(c, "recurrent_activation");
    if (!name)
        return FDHT_ACTIVATION_UNKNOWN;
    assert_int_equal(fdht_activation_parse(name, &a, NULL), FDHT_OK);
    return (int)a;
}

static void has_words(const cJSON *c, const char *line)
{
    const cJSON *word;
    cJSON_ArrayForEach(word, list_of(c, "words"))
    {
        if (!strstr(line, word->valuestring))
            fail_msg("%s: \"%s\" is not in \"%s\"", text(c, "name"), word->valuestring, line);
    }
}

static float *clip_of(const cJSON *c, size_t *length)
{
    const cJSON *row, *v, *x = list_of(c, "x");
    if (!x)
        return NULL;
    *length = (size_t)cJSON_GetArraySize(x);
    size_t width = (size_t)cJSON_GetArraySize(x->child), i = 0;
    float *out = calloc(*length * width, sizeof *out);
    cJSON_ArrayForEach(row, x)
    {
        cJSON_ArrayForEach(v, row)
        {
            out[i++] = (float)v->valuedouble;
        }
    }
    return out;
}

/* The last row of the scores, from the file and from the model made of it. */
static void check_scores(const cJSON *c, const double *last, size_t width, const char *who)
{
    const cJSON *want = list_of(c, "scores");
    if ((size_t)cJSON_GetArraySize(want) != width)
        fail_msg("%s, %s: %zu scores, expected %d", text(c, "name"), who, width, cJSON_GetArraySize(want));
    for (size_t i = 0; i < width; i++) {
        double w = cJSON_GetArrayItem(want, (int)i)->valuedouble;
        if (!(fabs(last[i] - w) < 2e-6 * (1 + fabs(w))))
            fail_msg("%s, %s: score %zu is %.9g, expected %.9g", text(c, "name"), who, i, last[i], w);
    }
}

static void run_case(const cJSON *c, const fdht_weights *w, int first, int count, const fdht_model *m)
{
    size_t length, width = fdht_model_width(m), rows;
    float *x = clip_of(c, &length);
    fdht_error err = {0};
    if (!x)
        return;
    rows = fdht_model_rows(m, length);
    double *scores = calloc(rows * width, sizeof *scores);
    float *got = calloc(rows * width, sizeof *got);
    if (fdht_weights_run(w, first, count, activation_of(c), length, x, NULL, NULL, NULL, scores, &err))
        fail_msg("%s: %s", text(c, "name"), err.msg);
    check_scores(c, scores + (rows - 1) * width, width, "file");
    fdht_runner *r = NULL;
    fdht_clip clip = {.f32 = x, .length = length, .features = fdht_model_inputs(m)};
    if (fdht_runner_new(m, 1, &r, &err) || fdht_runner_run(r, &clip, 1, got, &err))
        fail_msg("%s: %s", text(c, "name"), err.msg);
    for (size_t i = 0; i < rows * width; i++)
        if (!(fabs((double)got[i] - scores[i]) < 1e-5))
            fail_msg("%s: the model's score %zu is %.9g, the file's %.9g", text(c, "name"), i, (double)got[i],
                     scores[i]);
    fdht_runner_free(r);
    free(got);
    free(scores);
    free(x);
}

static void check_chain(const cJSON *c, const fdht_weights_chain *k)
{
    const char *name = text(c, "name"), *output = text(c, "output"), *features = text(c, "features");
    const char *assumed = text(c, "assumed");
    has_words(c, k->left_out);
    if (cJSON_IsTrue(list_of(c, "silent")) && *k->left_out)
        fail_msg("%s: \"%s\" is left out", name, k->left_out);
    if (output && (!k->classes || strcmp(fdht_output_name(k->output), output) != 0))
        fail_msg("%s: output %s of %zu, expected %s", name, fdht_output_name(k->output), k->classes, output);
    if (features ? !strstr(k->features, features) : *k->features && cJSON_IsTrue(list_of(c, "silent")))
        fail_msg("%s: the inputs are \"%s\"", name, k->features);
    if (assumed && !strstr(k->assumed, assumed))
        fail_msg("%s: \"%s\" is assumed, expected %s", name, k->assumed, assumed);
}

static void check_case(const cJSON *c)
{
    static const struct {
        const char *name;
        int status;
    } names[] = {{"EINVAL", FDHT_EINVAL}, {"EFORMAT", FDHT_EFORMAT}};
    const char *status = text(c, "status");
    char path[160];
    int want = FDHT_OK, first = 0, count = 0;
    fdht_error err = {0};
    fdht_weights *w = NULL;
    fdht_weights_chain *k = NULL;
    fdht_model *m = NULL;
    fdht_weights_options opt = {.head = text(c, "head")};
    for (size_t i = 0; status && i < FDHT_COUNT(names); i++)
        want = strcmp(status, names[i].name) ? want : names[i].status;
    snprintf(path, sizeof path, CASES "%s", text(c, "file"));
    int got = fdht_weights_open(path, &opt, &w, &err);
    if (got == FDHT_ENOSUP && strstr(err.msg, "built without")) {
        print_message("%s: skipped, %s\n", text(c, "name"), err.msg);
        return;
    }
    if (!got)
        got = fdht_weights_select(w, text(c, "layer"), &first, &count, &err);
    if (!got)
        got = fdht_weights_chain_of(w, first, count, &k, &err);
    if (!got)
        got = fdht_weights_model(w, first, count, activation_of(c), &m, &err);
    if (got != want)
        fail_msg("%s: status %d (%s), expected %d", text(c, "name"), got, err.msg, want);
    if (got) {
        has_words(c, err.msg);
    } else {
        check_chain(c, k);
        run_case(c, w, first, count, m);
    }
    fdht_model_free(m);
    fdht_weights_chain_free(k);
    fdht_weights_close(w);
}

static void check_list(const char *path, int least)
{
    cJSON *list = load(path);
    const cJSON *c;
    assert_true(cJSON_GetArraySize(list) >= least);
    cJSON_ArrayForEach(c, list)
    {
        if (!getenv("CASE") || !strcmp(getenv("CASE"), text(c, "name")))
            check_case(c);
    }
    cJSON_Delete(list);
}

static void models_people_have(void **state)
{
    (void)state;
    check_list(CASES "cases.json", 29);
}

static void more_of_their_kinds(void **state)
{
    (void)state;
    check_list(CASES "own.json", 50);
}

/* Other containers, and ONNX graphs; what needs a library that this build has not is passed over by name. */
static void other_containers(void **state)
{
    (void)state;
    check_list(CASES "torch.json", 34);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_people_have),
        cmocka_unit_test(more_of_their_kinds),
        cmocka_unit_test(other_containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
