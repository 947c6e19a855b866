/* fdht/sim.h - the accelerator, cycle by cycle, with real 16-bit words in real banks.
 *
 * A machine is data (fdht_sim_hw). A program is a list of stages, each a matrix product
 *
 *     out[row legs, column legs] = sum over inner legs of weight[row legs, inner legs] in[inner legs, column legs]
 *
 * on an array of n_pe columns (lanes) by macs_per_pe rows. The transformation between two stages is nothing
 * but addresses: a leg has a stride and a skew in the tensor that is read and in the one that is written.
 *
 * Arithmetic. A product of two int16 is shifted right by acc_shift (rounded half up) and added to an
 * accumulator of acc_bits, which saturates at every addition, inner legs in row-major order. An accumulator
 * leaves through out_shift (rounded half up) and saturation to 16 bits.
 *
 * Time. cycles = issue_cycles + the sum of the stall classes, always. Two modes: FDHT_SIM_PAPER counts
 * multiply-adds / MACs (the bound that published figures equal) and moves no values; FDHT_SIM_REAL runs the
 * machine.
 *
 * Bank functions. Address a has line a / banks and this bank:
 *
 *     interleave   a mod banks
 *     xor          a xor (a / banks) xor (a / banks^2) .., mod banks; banks is a power of two
 *     skew         (a + sum of skew_leg index_leg) mod banks
 *     lane         as interleave; the lane legs of writer and reader are the same and padded to whole lines, so
 *                  that no crossbar is needed
 *     table        bank and line from a table, an edge colouring of write groups against read groups
 *
 * Skews are a closed form. Theorem: of every tensor between two stages, whatever modes, ranks, tree and order, places are
 * distinct, a read of n_pe <= banks columns at one inner index takes one cycle, a write of rows of one column takes one, and one that
 * spans w columns at most w. Form, conditions for several columns in one cycle and proof: lib/README.md section 9.4. The exception
 * are the writes of the tensors that the LSTM unit reads or writes, which are counted.
 *
 * Threads. Nothing here keeps global state: calls on different objects may run at the same time. Functions that
 * take a const program or machine may share it between threads. */
#ifndef FDHT_SIM_H
#define FDHT_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FDHT_SIM_MAX_LEGS 20

typedef enum fdht_bank_function {
    FDHT_BANK_AUTO, /* the one of least cycles x area, conflicts and table counted, for each tensor */
    FDHT_BANK_INTERLEAVE,
    FDHT_BANK_XOR,
    FDHT_BANK_SKEW,
    FDHT_BANK_LANE,
    FDHT_BANK_TABLE,
    FDHT_BANK_FUNCTIONS
} fdht_bank_function;

typedef enum fdht_sim_mode { FDHT_SIM_REAL, FDHT_SIM_PAPER } fdht_sim_mode;

typedef enum fdht_stall {
    FDHT_STALL_FILL,           /* the last write of a stage is on its way through the pipeline */
    FDHT_STALL_DRAIN,          /* accumulators leave slower than they fill */
    FDHT_STALL_READ_CONFLICT,  /* lanes of one read in one bank */
    FDHT_STALL_WRITE_CONFLICT, /* words of one write in one bank */
    FDHT_STALL_PORT,           /* read and write want the same single-port bank */
    FDHT_STALL_WEIGHT_REFILL,  /* the program's weights do not fit */
    FDHT_STALL_PING_PONG,      /* a stage waits for the last word of the one before */
    FDHT_STALL_SPILL,          /* words that do not fit the memory come and go over the link */
    FDHT_STALL_RECURRENCE,     /* the LSTM unit works, the array waits */
    FDHT_STALL_INPUT,          /* the link brings an input vector, the array waits */
    FDHT_STALLS
} fdht_stall;

/* The machine. fdht_sim_keys describes every field: unit, source, what it means. The unit of a field is in its name
 * or in the table: cycles, words (16 bits), KiB, bits, Hz, pJ, mm2. */
typedef struct fdht_sim_hw {
    char name[32];
    double clock_hz;
    size_t n_pe, macs_per_pe, acc_bits, wb_words;
    size_t x_banks, x_buffers, x_kib, w_kib;
    size_t pipeline_cycles, w_refill_words, spill_words, input_words, input_buffers;
    size_t lstm_lanes, lstm_latency_cycles, lstm_overlap;
    size_t bank_function; /* fdht_bank_function */
    double mac_pj, mac_idle, agu_pj, place_pj, crossbar_pj, rotator_pj, arbiter_pj, drain_pj, round_pj;
    double lstm_pj, lstm_table_pj, x_read_pj, x_write_pj, w_read_pj, w_write_pj, sram_exponent;
    double link_pj_per_bit, leakage_mw_per_mm2;
    double mac_gates, agu_gates, place_gates, crossbar_gates, rotator_gates, arbiter_gates, drain_gates;
    double round_gates, lstm_gates, lstm_table_gates, mm2_per_mgate, sram_mm2_per_kib, lstm_kib;
} fdht_sim_hw;

typedef enum fdht_sim_key_type { FDHT_KEY_SIZE, FDHT_KEY_REAL, FDHT_KEY_BANK } fdht_sim_key_type;

typedef struct fdht_sim_key {
    const char *name;
    fdht_sim_key_type type;
    size_t offset; /* in fdht_sim_hw */
    double min, max;
    const char *unit;
    const char *text;
} fdht_sim_key;

enum { FDHT_SIM_KEYS = 49 };

/* The table of keys; *n = FDHT_SIM_KEYS entries, static storage. Machines by name: fdht/hardware.h. */
FDHT_API const fdht_sim_key *fdht_sim_keys(int *n);
/* Set one key of hw from its text. FDHT_EINVAL: unknown key, a value that is no number of its type, out of range; hw is
 * then as it was. */
FDHT_API int fdht_sim_hw_set(fdht_sim_hw *hw, const char *key, const char *value, fdht_error *err);
/* The value of one key, whatever its type. */
FDHT_API double fdht_sim_hw_get(const fdht_sim_hw *hw, const fdht_sim_key *key);
/* FDHT_EINVAL where a value is out of range, or values do not go together (words of a buffer must fill its banks evenly; xor needs a
 * power of two of banks; a table needs as many banks as words in a read or write). */
FDHT_API int fdht_sim_hw_check(const fdht_sim_hw *hw, fdht_error *err);
/* Names as in files and reports; "unknown" for a number that is none. Static strings. */
FDHT_API const char *fdht_bank_function_name(int f);
FDHT_API const char *fdht_stall_name(int s); /* "fill", "drain", "read_conflict", .. */
FDHT_API const char *fdht_stall_text(int s); /* why the array waits, half a sentence */

/* One leg of a stage. Equal ids in neighbouring stages are the same leg. in: the tensor read (inner and
 * column legs); out: the tensor written (row and column legs). name, of legs that fdht/program.h makes: "in1" and "out1" the
 * modes, "gate", "bond1" between cores; it is for reports and mappings. */
typedef struct fdht_sim_leg {
    int id;
    char name[16];
    size_t extent;
    size_t stride_in, stride_out;
    size_t skew_in, skew_out;
} fdht_sim_leg;

/* Where a tensor lies: addresses 0..words-1, lines 0..lines-1 in every bank. table, if set, holds
 * bank + banks * line for each address. What mapping found: cycles that conflicts cost in a run (those that
 * hide behind computing are not among them), and the area (mm2) of a table, whether there is one or not. */
typedef struct fdht_bank_map {
    fdht_bank_function function;
    size_t words, lines;
    const uint32_t *table;
    size_t conflict_cycles;
    double table_mm2;
} fdht_bank_map;

#define FDHT_SIM_NAME 160 /* of a stage: the cores merged into its weights, "leaf_1*inner_1_2" */

typedef struct fdht_sim_stage {
    char name[FDHT_SIM_NAME];
    int n_row, n_inner, n_col;
    fdht_sim_leg row[FDHT_SIM_MAX_LEGS], inner[FDHT_SIM_MAX_LEGS], col[FDHT_SIM_MAX_LEGS];
    const int16_t *weight; /* (rows, inner), row-major */
    int acc_shift, out_shift;
    /* filled by fdht_sim_map_program */
    int lane_legs;     /* this many last column legs are padded to whole tiles; 0: all of them are one */
    bool drain_column; /* words leave down a column (rows fastest), else along a row */
    fdht_bank_map in, out;
} fdht_sim_stage;

/* One chain of stages: the input tensor's legs (row-major over `leg`) through the stages to the output's. */
typedef struct fdht_sim_chain {
    int n_stages;
    fdht_sim_stage *stage;
    int n_in, n_out;
    fdht_sim_leg in[FDHT_SIM_MAX_LEGS]; /* the order of the input vector; strides as the first stage reads */
    /* the order of the output vector; strides as the last stage writes */
    fdht_sim_leg out[FDHT_SIM_MAX_LEGS];
} fdht_sim_chain;

#define FDHT_SIM_TABLE 257 /* entries of an activation table: 256 segments over [-8, 8) and the end */

/* A whole program. Without lstm: y_t = x chain of x_t. With it, for each step: z_x = x chain of x_t, z_h = h chain of
 * h_(t-1), and the LSTM unit of fdht/fixed.h makes c_t and h_t from z_x + z_h + bias. An output
 * vector of either chain is 4 blocks of gate_stride words, the gates i, f, g, o: its leg out[0] is the gate, of
 * extent 4. */
typedef struct fdht_sim_program {
    char name[64];
    fdht_sim_chain x, h;
    bool lstm;
    size_t units;                  /* hidden units; at most gate_stride, at most the h chain's inputs */
    size_t gate_stride;            /* words of a gate's block */
    const int16_t *bias;           /* 4 blocks of gate_stride words, z_frac fraction bits */
    const int16_t *sigmoid, *tanh; /* FDHT_SIM_TABLE entries, 15 fraction bits */
    int z_frac;                    /* fraction bits of pre-activations, 0..12 */
    int c_frac;                    /* fraction bits of c, 0..15 */
    void *owned;                   /* tables of the maps; fdht_sim_unmap_program frees them */
} fdht_sim_program;

/* Words of weight memory that the weights (rows, inner) of a stage take: a line is a broadcast of macs_per_pe words, one a
 * row tile and inner index, and the last tile's lines are whole ones, too. */
FDHT_API size_t fdht_sim_weight_room(const fdht_sim_hw *hw, size_t rows, size_t inner);

/* The stages of a program: the x chain's, the h chain's, with lstm one more; and the name of stage i in reports. */
FDHT_API int fdht_sim_stages(const fdht_sim_program *p);
FDHT_API void fdht_sim_stage_name(const fdht_sim_program *p, int i, char *buf, size_t size);

/* Products of extents. */
FDHT_API size_t fdht_sim_rows(const fdht_sim_stage *s);
FDHT_API size_t fdht_sim_inner(const fdht_sim_stage *s);
FDHT_API size_t fdht_sim_cols(const fdht_sim_stage *s);

/* Cycles of one stage of this shape: no_stall = ceil(rows/macs) ceil(cols/pe) inner; tiled = sum over tiles
 * of max(inner, ceil(tile outputs / wb_words)). */
typedef struct fdht_sim_shape {
    uint64_t multiply_adds, no_stall, tiled;
} fdht_sim_shape;
FDHT_API fdht_sim_shape fdht_sim_stage_shape(const fdht_sim_hw *hw, size_t rows, size_t inner, size_t cols);

/* Choose strides, skews, bank functions and drain directions for a machine; fills the maps of all stages. The
 * column order of a stage is kept, except with FDHT_BANK_LANE. Call fdht_sim_unmap_program after use; mapping again
 * replaces the maps. FDHT_EINVAL: a machine that fdht_sim_hw_check refuses, a chain whose legs do not join;
 * FDHT_ENOMEM. */
FDHT_API int fdht_sim_map_program(fdht_sim_program *p, const fdht_sim_hw *hw, fdht_error *err);
FDHT_API void fdht_sim_unmap_program(fdht_sim_program *p);
/* Take the mapping of another program of the same stages, legs matched by their names: strides, skews, bank functions, tables,
 * lane legs and drain directions. Nothing of it needs to be free of conflicts. FDHT_EINVAL: stages or legs that are not
 * those of p, an address outside a tensor, two words in one place, tensors that writer and reader see differently, a
 * machine that fdht_sim_hw_check refuses; FDHT_ENOMEM. */
FDHT_API int fdht_sim_map_as(fdht_sim_program *p, const fdht_sim_program *from, const fdht_sim_hw *hw,
                             fdht_error *err);

/* One access. Accesses of the array of one cycle, port, buffer and stage are a group; several of them in one bank take
 * turns, the second in the next cycle, or, where it is a read and a write takes one of the group's banks (one memory), the
 * one after; those that are not in memory go beside them, spill_words a cycle. A word of the LSTM unit or of the link is a
 * group of its own. */
typedef struct fdht_sim_access {
    uint64_t cycle, turn; /* in which the group begins; in which the bank's port serves this word */
    char port;  /* 'r', 'w' or 'i' (an input word from the link); 'R', 'W': a word that is not in memory */
    int buffer; /* 0 or 1 */
    size_t bank, line; /* of 'R' and 'W': where it would be in a memory that is large enough */
    int stage;         /* x stages, then h stages, then the LSTM unit */
    int16_t value;     /* the word that comes or goes */
} fdht_sim_access;
/* A write of the array is reported when its group leaves the accumulators, pipeline_cycles ahead of its cycle, all other
 * accesses not after their cycle. a is valid during the call. Called in the thread of fdht_sim_run. */
typedef void fdht_sim_trace(void *arg, const fdht_sim_access *a);

/* What energy goes to. */
typedef enum fdht_energy {
    FDHT_ENERGY_MAC,         /* multiply-add units, working or idle */
    FDHT_ENERGY_ADDRESS,     /* address generators, banks and lines of words */
    FDHT_ENERGY_NETWORK,     /* crossbars or rotator, arbiters */
    FDHT_ENERGY_TABLES,      /* bank tables */
    FDHT_ENERGY_DRAIN,       /* words taken out of the accumulators */
    FDHT_ENERGY_ROUND,       /* their rounding and saturation */
    FDHT_ENERGY_X_READ,      /* working memory */
    FDHT_ENERGY_X_WRITE,     /* with words from the link */
    FDHT_ENERGY_W_READ,      /* lines of weight memory */
    FDHT_ENERGY_W_WRITE,     /* weights from the link */
    FDHT_ENERGY_LSTM,        /* LSTM unit and its tables */
    FDHT_ENERGY_LSTM_MEMORY, /* its bias and cell states */
    FDHT_ENERGY_LINK,        /* input, weights and words without room, to and from outside */
    FDHT_ENERGY_LEAKAGE,
    FDHT_ENERGIES
} fdht_energy;
typedef struct fdht_sim_energy {
    double row[FDHT_ENERGIES], total; /* pJ */
} fdht_sim_energy;

/* What takes area. */
typedef enum fdht_area {
    FDHT_AREA_X_MEMORY,
    FDHT_AREA_W_MEMORY,
    FDHT_AREA_LSTM_MEMORY,
    FDHT_AREA_TABLES, /* bank tables of the program */
    FDHT_AREA_MAC,
    FDHT_AREA_ADDRESS,
    FDHT_AREA_NETWORK,
    FDHT_AREA_DRAIN,
    FDHT_AREA_ROUND,
    FDHT_AREA_LSTM,
    FDHT_AREAS
} fdht_area;
typedef struct fdht_sim_area {
    double row[FDHT_AREAS], total; /* mm2 */
} fdht_sim_area;

/* Names as in reports: "mac", "x_memory"; "unknown" for a number that is none. Static strings. */
FDHT_API const char *fdht_sim_energy_name(int e);
FDHT_API const char *fdht_sim_area_name(int a);

/* The bank table of a tensor, as one side of it has it: in the order in which that side goes through it. */
typedef struct fdht_sim_table {
    size_t entries, bits; /* of an entry; entries 0: no table */
} fdht_sim_table;

/* Longest text of how a tensor is laid out: a skew for each leg of rows and columns. */
#define FDHT_SIM_MAPPING (128 + 2 * FDHT_SIM_MAX_LEGS * 40)

typedef struct fdht_sim_stage_report {
    char name[FDHT_SIM_NAME + 2];   /* of an LSTM's chains with "x:" and "h:" before it; "lstm" */
    const char *bank_function;      /* of the tensor it writes */
    char mapping[FDHT_SIM_MAPPING]; /* "drain by column, 4 x in2": how the tensor it writes is laid out */
    size_t rows, inner, cols, runs;
    uint64_t issue_cycles, stall[FDHT_STALLS];
    uint64_t first_cycle;                 /* of the first run */
    uint64_t multiply_adds, padded_slots; /* MAC slots that issue without a useful product */
    uint64_t reads, writes, weight_reads; /* words, words, broadcasts of macs_per_pe words */
    uint64_t read_extra, write_extra; /* extra cycles that conflicts cost the banks; writes may hide theirs */
    uint64_t saturations, acc_saturations;
    uint64_t address_steps;             /* of a lane of an address generator */
    uint64_t input_words, refill_words; /* over the link */
    uint64_t spill_reads,
        spill_writes; /* of the words read and written those that are not in memory: over the link */
    fdht_sim_table read_table[2],
        write_table;                    /* of the tensors it reads (the LSTM unit: z_x and z_h) and writes */
    size_t occupancy_in, occupancy_out; /* words, padding included */
    fdht_sim_energy energy;             /* of real mode; the stages' sum is the report's */
} fdht_sim_stage_report;

typedef struct fdht_sim_report {
    fdht_sim_mode mode;
    size_t steps, clips; /* steps of all clips */
    uint64_t cycles, issue_cycles, stall[FDHT_STALLS];
    uint64_t multiply_adds, padded_slots, reads, writes, weight_reads, lstm_elements;
    uint64_t read_extra, write_extra;
    uint64_t saturations, acc_saturations;
    size_t weight_words, peak_words; /* weights of the program; largest occupancy of a buffer */
    size_t weight_room;              /* words of weight memory they take, in whole lines */
    uint64_t input_words, refill_words, spill_reads,
        spill_writes; /* over the link; the last two of reads and writes */
    uint64_t unit_cycles,
        link_cycles; /* in which LSTM unit and link have work, whether the array waits or not */
    uint64_t latency_sum, latency_max; /* of a step: from taking up its input to its last word in the banks */
    fdht_sim_energy energy;
    fdht_sim_area area;
    int n_stages;
    fdht_sim_stage_report *stage; /* owned by the report */
    int n_banks;
    uint64_t *bank_reads, *bank_writes, *bank_conflicts; /* n_banks each, owned by the report */
} fdht_sim_report;

/* What a run takes and gives. x (clips, steps, inputs) in the x chain's input order; y (clips, steps, outputs) of the x chain,
 * or with lstm h_t (clips, steps, units); c (clips, units), the last cell states, or NULL. clips 0 is 1. */
typedef struct fdht_sim_io {
    size_t steps, clips;
    const int16_t *x;
    int16_t *y, *c;
    fdht_sim_trace *trace; /* or NULL */
    void *trace_arg;
} fdht_sim_io;

/* Run a mapped program: the first step of every clip in turn, then the second, ... y comes out of the simulated banks, c out
 * of the LSTM unit. Every clip starts with h = c = 0. Free the report with fdht_sim_report_free; nothing to free after an
 * error. FDHT_EINVAL: a program that is not mapped, or not an LSTM of four gates where lstm is set, or a machine that
 * fdht_sim_hw_check refuses; FDHT_ELIMIT: a tensor does not fit and spill_words is 0, or it is one that LSTM unit or link
 * touch (z, h, inputs that come over the link), or the weights of one tile do not fit; FDHT_EFORMAT: an address outside the
 * memory (maps that someone changed); FDHT_ENOMEM. */
FDHT_API int fdht_sim_run(const fdht_sim_program *p, const fdht_sim_hw *hw, const fdht_sim_io *io,
                          fdht_sim_report *out, fdht_error *err);
/* The closed form: multiply-adds / MACs, no value moves. Needs no mapping and no weights. FDHT_EINVAL: a machine that
 * fdht_sim_hw_check refuses; FDHT_ENOMEM. */
FDHT_API int fdht_sim_paper(const fdht_sim_program *p, const fdht_sim_hw *hw, size_t steps,
                            fdht_sim_report *out, fdht_error *err);
/* Frees what the report owns, not the report; NULL allowed. */
FDHT_API void fdht_sim_report_free(fdht_sim_report *r);

/* Fill r->energy (pJ), those of its stages, and r->area (mm2) from the counts of r and the coefficients of hw: lib/README.md
 * section 9.5. */
FDHT_API void fdht_sim_price(const fdht_sim_hw *hw, fdht_sim_report *r);
/* The area of the machine, without bank tables: those are the program's. */
FDHT_API fdht_sim_area fdht_sim_area_of(const fdht_sim_hw *hw);

/* What a report means. A multiply-add counts as two operations. */
typedef struct fdht_sim_figures {
    double cycles_per_step, spill_cycles_per_step;
    double us_per_step;
    double tops_dense; /* operations of the dense matrices that the workload replaces, in 1e12 a second */
    double gops;       /* operations really done, in 1e9 a second */
    double power_mw;   /* energy over time */
    double area_mm2;
    double tops_per_mm2; /* tops_dense over area, and over power in W */
    double tops_per_w;
    double utilisation;                        /* multiply-adds over MAC slots of all cycles, 0..1 */
    double latency_cycles, latency_max_cycles; /* of a step, on average and at most; 0: nothing moved */
} fdht_sim_figures;

/* Of a report with prices (fdht_sim_run, fdht_sim_paper, fdht_sim_price); dense: multiply-adds of the dense matrices in one
 * step (fdht_workload_dense). */
FDHT_API fdht_sim_figures fdht_sim_figures_of(const fdht_sim_hw *hw, const fdht_sim_report *r, double dense);

/* One design over another. */
typedef struct fdht_sim_ratios {
    double throughput, area_efficiency, energy_efficiency; /* of tops_dense, tops_per_mm2, tops_per_w */
} fdht_sim_ratios;
FDHT_API fdht_sim_ratios fdht_sim_ratios_of(const fdht_sim_figures *own, const fdht_sim_figures *other);

/* Of one stage: the sum of its stalls; multiply-adds over MAC slots of its issue cycles, 0..1. */
FDHT_API uint64_t fdht_sim_stage_stalls(const fdht_sim_stage_report *s);
FDHT_API double fdht_sim_stage_utilisation(const fdht_sim_hw *hw, const fdht_sim_stage_report *s);

/* What a run, or a stage of it, takes most of its time with. */
typedef enum fdht_sim_bound {
    FDHT_BOUND_ARRAY,      /* multiply-adds: issue cycles */
    FDHT_BOUND_MEMORY,     /* ports and the way through them: fill, drain, conflicts, port, ping_pong */
    FDHT_BOUND_LINK,       /* what comes from outside: input, weight_refill, spill */
    FDHT_BOUND_RECURRENCE, /* the LSTM unit: all cycles of its stage */
    FDHT_BOUNDS
} fdht_sim_bound;
FDHT_API const char *fdht_sim_bound_name(int b); /* "array", "memory", "link", "recurrence"; "unknown" */
/* Cycles of each kind, of stage i of the report, or of all (-1), and the kind that has most. */
FDHT_API fdht_sim_bound fdht_sim_bound_of(const fdht_sim_report *r, int i, uint64_t cycles[FDHT_BOUNDS]);

/* sum += r, both of one program on one machine: steps, cycles and counts. Occupancies stay as they are; prices are those of
 * before until fdht_sim_price. */
FDHT_API void fdht_sim_report_add(fdht_sim_report *sum, const fdht_sim_report *r);

#ifdef __cplusplus
}
#endif
#endif
