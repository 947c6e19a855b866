/* simulate/sensitivity.c - how far each number of the machines that is not published moves the three ratios over TIE as
 * published: halved and doubled in both machines at once. */
#include <math.h>
#include <string.h>

#include "frame/signals.h"
#include "simulate/rows.h"

/* Both sides as they are, and what they make of one changed key. */
typedef struct pair {
    const fdht_workload *w;
    fdht_workload rival;
    const fdht_hardware *own;
    fdht_hardware tie;
    sim_result mine, his;
    fdht_sim_ratios base;
} pair;

/* Numbers to try where half and double say nothing; NaN: none. */
static const struct {
    const char *key;
    double value[2];
} other[] = {
    {"leakage_mw_per_mm2", {5, 20}},
    {"input_words", {16, 64}},
    {"input_buffers", {2, NAN}},
    {"lstm_overlap", {1, NAN}},
    {"bank_function", {FDHT_BANK_INTERLEAVE, FDHT_BANK_TABLE}},
    {"mac_idle", {0, 1}},
    {"sram_exponent", {0, 1}},
};

static void tries(const fdht_sim_key *key, double now, double value[2])
{
    value[0] = now / 2;
    value[1] = now * 2;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (!strcmp(other[i].key, key->name))
            memcpy(value, other[i].value, sizeof other[i].value);
}

/* Set a key of a machine; false where the machine cannot be so. */
static bool set(fdht_sim_hw *hw, const fdht_sim_key *key, double v)
{
    char text[64];
    fdht_error none;
    snprintf(text, sizeof text, "%.17g", v);
    return !isnan(v) &&
           !fdht_sim_hw_set(hw, key->name,
                            key->type == FDHT_KEY_BANK ? fdht_bank_function_name((int)v) : text, &none) &&
           !fdht_sim_hw_check(hw, &none);
}

/* The figures of a side with a key changed: priced anew, or run anew. */
static int figures(cli *c, const fdht_workload *w, fdht_order_kind order, fdht_sim_mode mode,
                   const sim_result *now, const fdht_sim_key *key, const fdht_sim_hw *hw,
                   fdht_sim_figures *out)
{
    sim_row r;
    if (key->type != FDHT_KEY_REAL) {
        int status = sim_measure(c, "sensitivity", w, order, hw, mode, &r);
        *out = r.f;
        return status;
    }
    fdht_sim_report copy =
        now->r; /* only the prices of the stages, which nobody asks for, are those of the last key */
    fdht_sim_price(hw, &copy);
    *out = fdht_sim_figures_of(hw, &copy, now->dense);
    return FDHT_OK;
}

static int try_value(cli *c, const pair *p, const fdht_sim_key *key, size_t which, char value[32], bool *can,
                     fdht_sim_ratios *out)
{
    fdht_sim_hw mine = p->own->hw, his = p->tie.hw;
    fdht_sim_figures a, b;
    double v[2], u[2];
    tries(key, fdht_sim_hw_get(&mine, key), v);
    tries(key, fdht_sim_hw_get(&his, key), u);
    snprintf(value, 32, "%.6g", v[which]);
    if (key->type == FDHT_KEY_BANK)
        snprintf(value, 32, "%s", fdht_bank_function_name((int)v[which]));
    *can = set(&mine, key, v[which]) && set(&his, key, u[which]);
    int status = FDHT_OK;
    if (!*can || (status = figures(c, p->w, FDHT_ORDER_BEST, FDHT_SIM_REAL, &p->mine, key, &mine, &a)) ||
        (status = figures(c, &p->rival, FDHT_ORDER_NATURAL, FDHT_SIM_PAPER, &p->his, key, &his, &b)))
        return status;
    *out = fdht_sim_ratios_of(&a, &b);
    return FDHT_OK;
}

static void show(const fdht_sim_key *key, const char *kind, const char *value, const fdht_sim_ratios *q,
                 cJSON *list)
{
    if (!list) {
        printf("  %-24s %-9s %12s %10.3f %10.3f %10.3f\n", key->name, kind, value, q->throughput,
               q->area_efficiency, q->energy_efficiency);
        return;
    }
    cJSON *o = cli_json_object(list, NULL);
    cli_json_string(o, "key", key->name);
    cli_json_string(o, "kind", kind);
    cli_json_string(o, "value", value);
    sim_ratios_json(o, q);
}

/* The key that moves a ratio most, as a factor. */
typedef struct mover {
    const char *key;
    double factor;
} mover;

static void note(mover m[3], const char *key, const fdht_sim_ratios *q, const fdht_sim_ratios *base)
{
    double f[] = {q->throughput / base->throughput, q->area_efficiency / base->area_efficiency,
                  q->energy_efficiency / base->energy_efficiency};
    for (int i = 0; i < 3; i++)
        if (fabs(log(f[i])) > fabs(log(m[i].factor)))
            m[i] = (mover){key, f[i]};
}

static int all_keys(cli *c, const pair *p, cJSON *list, mover m[3])
{
    int n;
    const fdht_sim_key *key = fdht_sim_keys(&n);
    for (int i = 0; i < n; i++) {
        const char *source = p->own->source[i];
        bool published = !strncmp(source, "published", 9);
        char kind[16];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(source, ":"), source);
        for (size_t k = 0; k < 2 && !published; k++) {
            char value[32];
            bool can;
            fdht_sim_ratios q;
            int status = try_value(c, p, &key[i], k, value, &can, &q);
            if (status)
                return status;
            if (cli_interrupted())
                return FDHT_EINTR;
            if (!can)
                continue;
            show(&key[i], kind, value, &q, list);
            note(m, key[i].name, &q, &p->base);
        }
    }
    return FDHT_OK;
}

int sim_sensitivity(cli *c, const fdht_workload *w, const fdht_hardware *machine, cJSON *json)
{
    pair p = {.w = w, .own = machine};
    fdht_order_choice best = {.kind = FDHT_ORDER_BEST}, natural = {.kind = FDHT_ORDER_NATURAL};
    mover m[3] = {{"none", 1}, {"none", 1}, {"none", 1}};
    int status = sim_rival(c, w, w->gates, &p.rival);
    if (status || (status = fdht_hardware_open("tie", &p.tie, &c->err)) ||
        (status = sim_run(c, w, &best, &machine->hw, FDHT_SIM_REAL, NULL, &p.mine)) ||
        (status = sim_run(c, &p.rival, &natural, &p.tie.hw, FDHT_SIM_PAPER, NULL, &p.his)))
        goto out;
    p.base = fdht_sim_ratios_of(&p.mine.f, &p.his.f);
    cJSON *o = json ? cli_json_object(json, "sensitivity") : NULL,
          *list = o ? cli_json_array(o, "points") : NULL;
    if (o)
        sim_ratios_json(o, &p.base);
    else
        printf("\nsensitivity: %s over TIE, published order, paper mode; each number that is not published "
               "halved and "
               "doubled in both machines\n  %-24s %-9s %12s %10s %10s %10s\n  %-24s %-9s %12s %10.3f %10.3f "
               "%10.3f\n",
               p.mine.name, "", "", "value", "throughput", "per mm2", "per watt", "as it is", "", "",
               p.base.throughput, p.base.area_efficiency, p.base.energy_efficiency);
    const sim_claim *k = sim_claim_of(w);
    if (k && o) {
        fdht_sim_ratios q = {k->throughput, k->area, k->energy};
        sim_ratios_json(cli_json_object(o, "paper"), &q);
    } else if (k)
        printf("  %-24s %-9s %12s %10.3f %10.3f %10.3f\n", "the paper's claim", "", "", k->throughput,
               k->area, k->energy);
    status = all_keys(c, &p, list, m);
    if (!status && !json)
        printf("moved most: throughput by %s (x %.2f), area efficiency by %s (x %.2f), energy efficiency by "
               "%s (x "
               "%.2f)\n",
               m[0].key, m[0].factor, m[1].key, m[1].factor, m[2].key, m[2].factor);
out:
    sim_result_free(&p.mine);
    sim_result_free(&p.his);
    return status;
}
