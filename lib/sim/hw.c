/* hw.c - the machine as data: one table of keys, and the checks. The machines themselves are JSON files. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim.h"

static const char *const bank_name[FDHT_BANK_FUNCTIONS] = {"auto", "interleave", "xor",
                                                           "skew", "lane",       "table"};
static const char *const stall_name[FDHT_STALLS] = {
    "fill",          "drain",     "read_conflict", "write_conflict", "port",
    "weight_refill", "ping_pong", "spill",         "recurrence",     "input"};

const char *fdht_bank_function_name(int f)
{
    return f >= 0 && f < FDHT_BANK_FUNCTIONS ? bank_name[f] : "unknown";
}

const char *fdht_stall_name(int s)
{
    return s >= 0 && s < FDHT_STALLS ? stall_name[s] : "unknown";
}

static const char *const stall_text[FDHT_STALLS] = {
    "the last words of a stage are under way to their banks",
    "accumulators leave slower than they fill",
    "words of one read lie in one bank",
    "words of one write lie in one bank",
    "two sides want the port of one bank",
    "weights are loaded that do not fit with the rest",
    "the next stage needs the last word of this one",
    "words that do not fit the memory come and go over the link",
    "the LSTM unit works",
    "an input vector is not there yet",
};

const char *fdht_stall_text(int s)
{
    return s >= 0 && s < FDHT_STALLS ? stall_text[s] : "unknown";
}

#define AT(field) offsetof(fdht_sim_hw, field)
#define SIZE(field, lo, hi, unit, text)                                                                      \
    {                                                                                                        \
#field, FDHT_KEY_SIZE, AT(field), lo, hi, unit, text                                                 \
    }
#define REAL(field, lo, hi, unit, text)                                                                      \
    {                                                                                                        \
#field, FDHT_KEY_REAL, AT(field), lo, hi, unit, text                                                 \
    }

static const fdht_sim_key keys[] = {
    REAL(clock_hz, 1e3, 1e11, "Hz", "clock"),
    SIZE(n_pe, 1, 256, "PEs", "columns of the array: words of X read in a cycle"),
    SIZE(macs_per_pe, 1, 256, "MACs", "rows of the array: weights broadcast in a cycle"),
    SIZE(acc_bits, 17, 31, "bits", "accumulator width; additions saturate"),
    SIZE(wb_words, 1, 256, "words/cycle", "accumulators written back in a cycle"),
    SIZE(x_banks, 1, 1024, "banks", "banks of each working buffer, one 16-bit word a cycle each"),
    SIZE(x_buffers, 1, 2, "buffers",
         "2: read one, write the other; 1: one memory, reads and writes share its ports"),
    SIZE(x_kib, 1, 1048576, "KiB", "size of each working buffer"),
    SIZE(w_kib, 1, 1048576, "KiB",
         "weight memory, in lines of macs_per_pe words: a row tile takes whole lines"),
    SIZE(pipeline_cycles, 0, 1024, "cycles",
         "from a read to its accumulation, from an accumulator to its bank: what a stage ends with (stall "
         "class fill)"),
    SIZE(w_refill_words, 1, 65536, "words/cycle",
         "weights loaded in a cycle when a program's weights do not fit"),
    SIZE(spill_words, 0, 65536, "words/cycle",
         "words that the memory has no room for, over the link in a cycle, each way; 0: refuse the program"),
    SIZE(input_words, 0, 65536, "words/cycle",
         "words of an input vector that the link brings in a cycle; 0: it is there"),
    SIZE(input_buffers, 1, 2, "buffers",
         "1: a vector comes before its first stage; 2: while the one before is worked on"),
    SIZE(lstm_lanes, 1, 256, "lanes", "hidden units the LSTM unit works on at a time"),
    SIZE(lstm_latency_cycles, 1, 1024, "cycles", "from the last gate read to the write of h"),
    SIZE(lstm_overlap, 0, 1, "", "1: the LSTM unit works while the array goes on with the next frame"),
    {"bank_function", FDHT_KEY_BANK, AT(bank_function), 0, 0, "name",
     "auto, interleave, xor, skew, lane or table; auto: for each tensor the one of least cycles x area, "
     "lane excepted"},
    REAL(mac_pj, 0, 1e6, "pJ", "one multiply-add"),
    REAL(mac_idle, 0, 1, "1", "part of mac_pj that a MAC without useful work still takes"),
    REAL(agu_pj, 0, 1e6, "pJ", "one lane of an address generator goes on"),
    REAL(place_pj, 0, 1e6, "pJ", "bank and line of one word"),
    REAL(crossbar_pj, 0, 1e6, "pJ", "one word through a crossbar, for each bank of it"),
    REAL(rotator_pj, 0, 1e6, "pJ", "one line through a rotator, for each bank and stage of it"),
    REAL(arbiter_pj, 0, 1e6, "pJ", "one word's request, for each bank"),
    REAL(drain_pj, 0, 1e6, "pJ", "one word taken out of the accumulators of 256 MACs"),
    REAL(round_pj, 0, 1e6, "pJ", "one word rounded and saturated"),
    REAL(lstm_pj, 0, 1e6, "pJ", "one hidden unit for one step"),
    REAL(lstm_table_pj, 0, 1e6, "pJ", "its five look-ups"),
    REAL(x_read_pj, 0, 1e6, "pJ", "one read of a bank of 24 KiB (4 bytes wide, one word used)"),
    REAL(x_write_pj, 0, 1e6, "pJ", "one write of a bank of 24 KiB (4 bytes wide, one word used)"),
    REAL(w_read_pj, 0, 1e6, "pJ", "one read of 16 weights from 16 KiB"),
    REAL(w_write_pj, 0, 1e6, "pJ", "one write of 16 weights into 16 KiB"),
    REAL(sram_exponent, 0, 1, "1", "energy of an access grows with this power of a memory's size"),
    REAL(link_pj_per_bit, 0, 1e6, "pJ/bit", "the link to the host: inputs, weights, words without room"),
    REAL(leakage_mw_per_mm2, 0, 1e6, "mW/mm2",
         "leakage, in all cycles, beyond what the other coefficients include"),
    REAL(mac_gates, 0, 1e9, "GE", "a multiply-add unit with both its accumulators"),
    REAL(agu_gates, 0, 1e9, "GE", "a lane of an address generator"),
    REAL(place_gates, 0, 1e9, "GE", "bank and line of a word a cycle"),
    REAL(crossbar_gates, 0, 1e9, "GE", "a crossbar, for each lane and bank"),
    REAL(rotator_gates, 0, 1e9, "GE", "a rotator, for each bank and stage"),
    REAL(arbiter_gates, 0, 1e9, "GE", "an arbiter, for each word and bank"),
    REAL(drain_gates, 0, 1e9, "GE", "for a word a cycle out of the accumulators of 256 MACs"),
    REAL(round_gates, 0, 1e9, "GE", "rounding and saturation of a word a cycle"),
    REAL(lstm_gates, 0, 1e9, "GE", "a lane of the LSTM unit; 0: the machine has none"),
    REAL(lstm_table_gates, 0, 1e9, "GE", "its copy of the two tables"),
    REAL(mm2_per_mgate, 0, 1e6, "mm2/MGE", "area of a million gate equivalents, with wires and clock"),
    REAL(sram_mm2_per_kib, 0, 1e3, "mm2/KiB", "area of SRAM"),
    REAL(lstm_kib, 0, 1e6, "KiB", "memory of the LSTM unit: four parts in five bias, one cell states"),
};
static_assert(FDHT_COUNT(keys) == FDHT_SIM_KEYS, "fdht/sim.h counts the keys");

const fdht_sim_key *fdht_sim_keys(int *n)
{
    *n = (int)FDHT_COUNT(keys);
    return keys;
}

double fdht_sim_hw_get(const fdht_sim_hw *hw, const fdht_sim_key *key)
{
    const char *at = (const char *)hw + key->offset;
    return key->type == FDHT_KEY_REAL ? *(const double *)(const void *)at
                                      : (double)*(const size_t *)(const void *)at;
}

int fdht_sim_hw_set(fdht_sim_hw *hw, const char *key, const char *value, fdht_error *err)
{
    if (!strcmp(key, "name")) {
        if (!*value || strlen(value) >= sizeof hw->name)
            return fdht_fail(err, FDHT_EINVAL, "name: expected 1 to %zu characters", sizeof hw->name - 1);
        for (const char *p = value; *p; p++) /* a terminal would obey them */
            if ((unsigned char)*p < ' ' || *p == 127)
                return fdht_fail(err, FDHT_EINVAL, "name: holds a control character");
        snprintf(hw->name, sizeof hw->name, "%s", value);
        return FDHT_OK;
    }
    const fdht_sim_key *k = NULL;
    for (size_t i = 0; i < FDHT_COUNT(keys); i++)
        if (!strcmp(keys[i].name, key))
            k = &keys[i];
    if (!k)
        return fdht_fail(err, FDHT_EINVAL, "%s: no such hardware key", key);
    char *at = (char *)hw + k->offset;
    if (k->type == FDHT_KEY_BANK) {
        for (size_t f = 0; f < FDHT_BANK_FUNCTIONS; f++)
            if (!strcmp(value, bank_name[f])) {
                *(size_t *)(void *)at = f;
                return FDHT_OK;
            }
        return fdht_fail(err, FDHT_EINVAL, "%s: unknown bank function %s", key, value);
    }
    char *end = NULL;
    double x = fdht_text_number(value, &end);
    if (end == value || *end || !isfinite(x))
        return fdht_fail(err, FDHT_EINVAL, "%s: %s is not a number", key, value);
    if (x < k->min || x > k->max)
        return fdht_fail(err, FDHT_EINVAL, "%s: %s is not in %g..%g", key, value, k->min, k->max);
    if (k->type == FDHT_KEY_SIZE && x != floor(x))
        return fdht_fail(err, FDHT_EINVAL, "%s: %s is not a whole number", key, value);
    if (k->type == FDHT_KEY_REAL)
        *(double *)(void *)at = x;
    else
        *(size_t *)(void *)at = (size_t)x;
    return FDHT_OK;
}

int fdht_sim_hw_check(const fdht_sim_hw *hw, fdht_error *err)
{
    for (size_t i = 0; i < FDHT_COUNT(keys); i++) {
        double x = fdht_sim_hw_get(hw, &keys[i]);
        if (keys[i].type != FDHT_KEY_BANK && !(x >= keys[i].min && x <= keys[i].max))
            return fdht_fail(err, FDHT_EINVAL, "%s: %g is not in %g..%g", keys[i].name, x, keys[i].min,
                             keys[i].max);
    }
    if (hw->bank_function >= FDHT_BANK_FUNCTIONS)
        return fdht_fail(err, FDHT_EINVAL, "bank_function: no function %zu", hw->bank_function);
    if (hw->x_buffers == 1 && (hw->lstm_overlap || hw->input_buffers > 1))
        return fdht_fail(err, FDHT_EINVAL, "%s: needs two buffers, x_buffers is 1",
                         hw->lstm_overlap ? "lstm_overlap" : "input_buffers");
    if (hw->x_kib * 512 % hw->x_banks)
        return fdht_fail(err, FDHT_EINVAL, "x_kib = %zu: its %zu words do not fill %zu banks evenly",
                         hw->x_kib, hw->x_kib * 512, hw->x_banks);
    if (hw->bank_function == FDHT_BANK_XOR && (hw->x_banks & (hw->x_banks - 1)))
        return fdht_fail(err, FDHT_EINVAL, "bank_function xor needs a power of two of banks, not %zu",
                         hw->x_banks);
    if (hw->bank_function == FDHT_BANK_TABLE && (hw->n_pe > hw->x_banks || hw->wb_words > hw->x_banks))
        return fdht_fail(err, FDHT_EINVAL,
                         "bank_function table needs x_banks >= n_pe and wb_words, has %zu banks",
                         hw->x_banks);
    return FDHT_OK;
}
