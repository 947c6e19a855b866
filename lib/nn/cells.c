/* nn/cells.c - the table of recurrent cells. CONTRIBUTING.md says how to add one. */
#include "nn/cells.h"

#include <string.h>

static const fdht_cell_rule table[FDHT_RECURRENTS] = {
    [FDHT_LSTM] = {"lstm", "ifgo", .gates = 4, .biases = 4, .start_one = 1, .cell_state = true,
                   .projects = true, .output = true, .step_f32 = fdht_lstm_step_f32,
                   .step_f64 = fdht_lstm_step_f64, .back_f32 = fdht_lstm_back_f32,
                   .back_f64 = fdht_lstm_back_f64},
    [FDHT_GRU] = {"gru", "rzn", .gates = 3, .biases = 4, .start_one = -1, .apart = true,
                  .step_f32 = fdht_gru_step_f32, .step_f64 = fdht_gru_step_f64, .back_f32 = fdht_gru_back_f32,
                  .back_f64 = fdht_gru_back_f64},
};

const fdht_cell_rule *fdht_cell_rule_of(fdht_recurrent r)
{
    return &table[r];
}

const char *fdht_recurrent_name(fdht_recurrent r)
{
    return (unsigned)r < FDHT_RECURRENTS ? table[r].name : "unknown";
}

int fdht_recurrent_parse(const char *name, fdht_recurrent *out, fdht_error *err)
{
    for (int r = 0; r < FDHT_RECURRENTS; r++)
        if (!strcmp(name, table[r].name)) {
            *out = (fdht_recurrent)r;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_EINVAL, "recurrence '%.40s': expected lstm or gru", name);
}

const char *fdht_recurrent_order(fdht_recurrent r)
{
    return (unsigned)r < FDHT_RECURRENTS ? table[r].order : "";
}

int fdht_recurrent_gates(fdht_recurrent r)
{
    return (unsigned)r < FDHT_RECURRENTS ? table[r].gates : 0;
}

int fdht_recurrent_biases(fdht_recurrent r)
{
    return (unsigned)r < FDHT_RECURRENTS ? table[r].biases : 0;
}
