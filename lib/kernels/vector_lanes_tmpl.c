/* kernels/vector_lanes_tmpl.c - products of tensors in lane form, where every number is a vector; included twice by vector_tmpl.c.
 * Template (base/real.h). Here no size of a mode matters: a register tile is outputs x positions, whatever they are. */
#define V R(vec)
#define U R(unaligned)
#define N (WIDTH / sizeof(REAL)) /* lanes */

/* Bytes of a number of an operand in all lanes, and number `at` from one of them. */
INLINE size_t R(number_bytes)(fdht_number numbers)
{
    return N * (numbers == FDHT_REALS ? sizeof(REAL) : numbers == FDHT_SHORTS ? sizeof(int16_t) : 1);
}
INLINE V R(operand)(fdht_number numbers, V mean, const char *from, size_t at)
{
    const char *p = from + at * R(number_bytes)(numbers);
#if WHOLE_NUMBERS
    if (numbers == FDHT_BYTES)
        return R(from_bytes)((const uint8_t *)p);
    if (numbers == FDHT_CENTRED)
        return R(from_bytes)((const uint8_t *)p) - mean;
    if (numbers == FDHT_SHORTS)
        return R(from_shorts)((const int16_t *)p);
#else
    (void)mean;
#endif
    return *(const V *)p;
}

/* Store the sums of a tile in C, or load them. PLAIN, so that the addresses are worked out here and no sooner: through the loop between
 * the compiler would keep two dozen of them in memory. */
INLINE void R(move_results)(bool store, int outputs, int positions, const R(fdht_contraction) *g, size_t j,
                            size_t p, V acc[OUTPUTS][MOST_POSITIONS])
{
    V *to[MOST_POSITIONS];
    PLAIN(g);
#pragma GCC unroll 8
    for (int i = 0; i < positions; i++) {
        to[i] = (V *)g->C + g->c[p + (size_t)i];
        PLAIN(to[i]);
    }
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
        for (int i = 0; i < positions; i++)
            if (store)
                to[i][g->out[j + (size_t)o]] = acc[o][i];
            else
                acc[o][i] = to[i][g->out[j + (size_t)o]];
}

/* A tile of a contraction: outputs j .. of positions p .. */
INLINE void R(contract_tile)(fdht_number numbers, int outputs, int positions, const R(fdht_contraction) *g,
                             const REAL *w, size_t j, size_t p)
{
    V acc[OUTPUTS][MOST_POSITIONS];
    const char *from[MOST_POSITIONS];
    V mean = {0};
    const uint32_t *sum = g->sum;
    const size_t ldw = g->ldw;
    mean += (REAL)g->mean;
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
        for (int i = 0; i < positions; i++)
            acc[o][i] = (V){0};
    if (g->accumulate)
        R(move_results)(false, outputs, positions, g, j, p, acc);
#pragma GCC unroll 8
    for (int i = 0; i < positions; i++)
        from[i] = (const char *)g->A + g->a[p + (size_t)i] * R(number_bytes)(numbers);
    for (const uint32_t *end = sum + g->k; sum < end; sum++, w += ldw) {
        V v[MOST_POSITIONS];
#pragma GCC unroll 8
        for (int i = 0; i < positions; i++)
            v[i] = R(operand)(numbers, mean, from[i], *sum);
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
            for (int i = 0; i < positions; i++)
                acc[o][i] += w[o] * v[i];
    }
    R(move_results)(true, outputs, positions, g, j, p, acc);
}

/* A tile of the gradient of weights: of outputs j .., summed indices x .. */
INLINE void R(outer_tile)(fdht_number numbers, int outputs, int sums, const R(fdht_contraction) *g, V *gw,
                          size_t j, size_t x)
{
    V acc[OUTPUTS][MOST_POSITIONS];
    const char *from[MOST_POSITIONS];
    V mean = {0};
    const V *grad = (const V *)g->C + j;
    mean += (REAL)g->mean;
#pragma GCC unroll 8
    for (int i = 0; i < sums; i++)
        from[i] = (const char *)g->A + g->sum[x + (size_t)i] * R(number_bytes)(numbers);
#pragma GCC unroll 8
    for (int o = 0; o < outputs; o++)
#pragma GCC unroll 8
        for (int i = 0; i < sums; i++)
            acc[o][i] = (V){0};
    for (size_t p = 0; p < g->positions; p++) {
        const V *at = grad + g->c[p];
        const size_t a = g->a[p];
        V v[MOST_POSITIONS];
#pragma GCC unroll 8
        for (int i = 0; i < sums; i++)
            v[i] = R(operand)(numbers, mean, from[i], a);
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++) {
            V y = at[o];
            HOLD(y);
#pragma GCC unroll 8
            for (int i = 0; i < sums; i++)
                acc[o][i] += y * v[i];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < sums; i++)
#pragma GCC unroll 8
        for (int o = 0; o < outputs; o++)
            gw[(size_t)i * g->n + (size_t)o] += acc[o][i];
}

/* A function each, which has all registers to itself. In one function for all, the compiler kept indices in vector registers, from
 * where they come only after the multiply-adds before them: a tile could not begin while the last one ended. */
#define TILE(name, outputs, more) CAT(R(name), _##outputs, x##more)
#define ANY_NUMBERS(tile, ...)                                                                               \
    if (WHOLE_NUMBERS && g->numbers == FDHT_BYTES)                                                           \
        tile(FDHT_BYTES, __VA_ARGS__);                                                                       \
    else if (WHOLE_NUMBERS && g->numbers == FDHT_CENTRED)                                                    \
        tile(FDHT_CENTRED, __VA_ARGS__);                                                                     \
    else if (WHOLE_NUMBERS && g->numbers == FDHT_SHORTS)                                                     \
        tile(FDHT_SHORTS, __VA_ARGS__);                                                                      \
    else                                                                                                     \
        tile(FDHT_REALS, __VA_ARGS__);
#define CONTRACT(outputs, positions)                                                                         \
    static NOINLINE void TILE(contract, outputs, positions)(const R(fdht_contraction) *g, const REAL *w,     \
                                                            size_t j, size_t p)                              \
    {                                                                                                        \
        ANY_NUMBERS(R(contract_tile), outputs, positions, g, w, j, p)                                        \
    }
#define OUTER(outputs, sums)                                                                                 \
    static NOINLINE void TILE(outer, outputs, sums)(const R(fdht_contraction) *g, V *gw, size_t j, size_t x) \
    {                                                                                                        \
        ANY_NUMBERS(R(outer_tile), outputs, sums, g, gw, j, x)                                               \
    }
TILES(CONTRACT)
TILES(OUTER)
#define CONTRACT_ENTRY(outputs, positions) [outputs][positions] = TILE(contract, outputs, positions),
#define OUTER_ENTRY(outputs, sums)         [outputs][sums] = TILE(outer, outputs, sums),
static void (*const R(contract_tiles)[OUTPUTS + 1][MOST_POSITIONS + 1])(const R(fdht_contraction) *,
                                                                        const REAL *, size_t,
                                                                        size_t) = {TILES(CONTRACT_ENTRY)};
static void (*const R(outer_tiles)[OUTPUTS + 1][MOST_POSITIONS + 1])(const R(fdht_contraction) *, V *, size_t,
                                                                     size_t) = {TILES(OUTER_ENTRY)};
#undef TILE
#undef CONTRACT
#undef OUTER
#undef CONTRACT_ENTRY
#undef OUTER_ENTRY
#undef ANY_NUMBERS

static void R(contract)(const R(fdht_contraction) *g)
{
    const size_t most = most_positions[fdht_panel(g->n, OUTPUTS)];
    for (size_t p = 0, at; p < g->positions; p += at) {
        at = fdht_panel(g->positions - p, most);
        for (size_t j = 0, outputs; j < g->n; j += outputs) {
            outputs = fdht_panel(g->n - j, OUTPUTS);
            R(contract_tiles)[outputs][at](g, g->W + j, j, p);
        }
    }
}

static void R(outer)(const R(fdht_contraction) *g, REAL *gW)
{
    const size_t most = most_positions[fdht_panel(g->n, OUTPUTS)];
    R(fdht_contraction) block = *g;
    for (size_t left = g->positions; left; left -= block.positions) {
        block.positions = fdht_panel(left, FDHT_MAX(NEAR / WIDTH / g->n, (size_t)8));
        for (size_t x = 0, sums; x < g->k; x += sums) {
            sums = fdht_panel(g->k - x, most);
            for (size_t j = 0, outputs; j < g->n; j += outputs) {
                outputs = fdht_panel(g->n - j, OUTPUTS);
                R(outer_tiles)[outputs][sums](&block, (V *)gW + x * g->n + j, j, x);
            }
        }
        block.a += block.positions;
        block.c += block.positions;
    }
}

/* The first `rows` of N vectors of N numbers, ld apart; the others are zero. */
static void R(load_rows)(const REAL *x, size_t ld, size_t rows, size_t n, V v[N])
{
    for (size_t l = 0; l < N; l++) {
        v[l] = (V){0};
        if (l < rows && n == N)
            v[l] = *(const U *)(x + l * ld);
        else if (l < rows)
            memcpy(&v[l], x + l * ld, n * sizeof *x);
    }
}

static void R(to_lanes)(size_t n, const REAL *x, size_t ld, size_t rows, const uint32_t *at, REAL *out)
{
    V v[N];
    for (size_t i = 0; i < n; i += N) {
        size_t some = FDHT_MIN(n - i, N);
        R(load_rows)(x + i, ld, rows, some, v);
        R(transpose)(v);
        for (size_t q = 0; q < some; q++)
            ((V *)out)[at ? at[i + q] : i + q] = v[q];
    }
}

static void R(from_lanes)(size_t n, const REAL *in, const uint32_t *at, size_t rows, REAL *y, size_t ld,
                          bool accumulate)
{
    V v[N];
    for (size_t i = 0; i < n; i += N) {
        size_t some = FDHT_MIN(n - i, N);
        for (size_t q = 0; q < N; q++)
            v[q] = q < some ? ((const V *)in)[at ? at[i + q] : i + q] : (V){0};
        R(transpose)(v);
        for (size_t l = 0; l < rows; l++) {
            REAL *row = y + l * ld + i;
            V before = {0};
            if (some == N) {
                *(U *)row = accumulate ? (V) * (U *)row + v[l] : v[l];
                continue;
            }
            if (accumulate)
                memcpy(&before, row, some * sizeof *row);
            v[l] = accumulate ? before + v[l] : v[l];
            memcpy(row, &v[l], some * sizeof *row);
        }
    }
}

static void R(sum_lanes)(size_t n, const REAL *in, REAL *out)
{
    V v[N];
    for (size_t i = 0; i < n; i += N) {
        size_t some = FDHT_MIN(n - i, N);
        for (size_t q = 0; q < N; q++)
            v[q] = q < some ? ((const V *)in)[i + q] : (V){0};
        R(add_lanes)(v);
        for (size_t q = 0; q < some; q++)
            out[i + q] += v[0][q];
    }
}
#undef V
#undef U
#undef N
