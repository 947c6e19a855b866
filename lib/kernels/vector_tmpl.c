/* kernels/vector_tmpl.c - the vector kernels, written once in GCC vector extensions. vector_LEVEL.c includes this with
 *   LEVEL         its name
 *   WIDTH         bytes of a vector register
 *   ROWS1, ROWS2  rows of a register tile one or two vectors wide
 *   OUTPUTS       outputs of a register tile in lane form: 8 with 32 registers, 4 with 16
 *   CHAINS        independent chains that keep the multiply-add units busy
 * and is compiled with that level's flags. */
#include <string.h>

#include "kernels/kernels.h"
#if WIDTH >= 32
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

enum {
    MOST_BYTES = 1 << 12, /* that one product of a gemm may read */
    AHEAD = 512,          /* bytes of a row that becomes lanes */
};

#define CAT_(a, b, c) a##b##c
#define CAT(a, b, c)  CAT_(a, b, c)
#define INLINE        static inline __attribute__((always_inline))
#define NOINLINE      __attribute__((noinline))

/* Hide how a pointer was computed: addresses are then a register and a constant, which an instruction with a
 * memory operand takes without being cut in two. */
#define PLAIN(p) __asm__("" : "+r"(p))

typedef float vec_f32 __attribute__((vector_size(WIDTH)));
typedef double vec_f64 __attribute__((vector_size(WIDTH)));

/* Lane form. most_positions[o]: positions of a tile of o outputs, so that its sums and operands are in registers; TILES: all
 * tiles. NEAR: bytes that stay in the nearest cache while a block of positions is summed up. */
enum { NEAR = 24 << 10, MOST_POSITIONS = 6 };
#define UP_TO_2(X, o) X(o, 1) X(o, 2)
#define UP_TO_3(X, o) UP_TO_2(X, o) X(o, 3)
#define UP_TO_4(X, o) UP_TO_3(X, o) X(o, 4)
#define UP_TO_6(X, o) UP_TO_4(X, o) X(o, 5) X(o, 6)
#if OUTPUTS == 8
static const size_t most_positions[] = {0, 6, 6, 6, 6, 4, 4, 3, 3};
#define TILES(X)                                                                                             \
    UP_TO_6(X, 1)                                                                                            \
    UP_TO_6(X, 2) UP_TO_6(X, 3) UP_TO_6(X, 4) UP_TO_4(X, 5) UP_TO_4(X, 6) UP_TO_3(X, 7) UP_TO_3(X, 8)
#else
static const size_t most_positions[] = {0, 6, 4, 4, 3};
#define TILES(X) UP_TO_6(X, 1) UP_TO_4(X, 2) UP_TO_4(X, 3) UP_TO_3(X, 4)
#endif

/* Keep a vector in a register, which the compiler would read again from memory with each use. */
#if defined(__x86_64__)
#define HOLD(v) __asm__("" : "+v"(v))
#elif defined(__ARM_NEON)
#define HOLD(v) __asm__("" : "+w"(v))
#else
#define HOLD(v) ((void)0)
#endif

/* WORDS vectors of as many words, transposed: within quarters of four vectors by instructions that work on 16 bytes each, then 16
 * bytes at a time. PAIRS lists, for each word, which one of two vectors it comes from. */
#define WORDS (WIDTH / 4)
typedef uint32_t words __attribute__((vector_size(WIDTH)));
typedef uint64_t pairs __attribute__((vector_size(WIDTH)));
#if WIDTH == 64
#define TWOS(X) X(0, 0), X(0, 1), X(1, 0), X(1, 1), X(2, 0), X(2, 1), X(3, 0), X(3, 1)
#define FOURS(X)                                                                                             \
    X(0, 0), X(0, 1), X(0, 2), X(0, 3), X(1, 0), X(1, 1), X(1, 2), X(1, 3), X(2, 0), X(2, 1), X(2, 2),       \
        X(2, 3), X(3, 0), X(3, 1), X(3, 2), X(3, 3)
#elif WIDTH == 32
#define TWOS(X)  X(0, 0), X(0, 1), X(1, 0), X(1, 1)
#define FOURS(X) X(0, 0), X(0, 1), X(0, 2), X(0, 3), X(1, 0), X(1, 1), X(1, 2), X(1, 3)
#else
#define TWOS(X)  X(0, 0), X(0, 1)
#define FOURS(X) X(0, 0), X(0, 1), X(0, 2), X(0, 3)
#endif
/* Word i of four f: words 0 and 1, or 2 and 3, of two vectors in turn; the same of pairs; and whole fours, the even or odd ones. */
#define LOW_WORDS(f, i)  4 * (f) + (i) / 2 + (i) % 2 * WORDS
#define HIGH_WORDS(f, i) 4 * (f) + 2 + (i) / 2 + (i) % 2 * WORDS
#define LOW_PAIRS(f, i)  2 * (f) + (i)*WORDS / 2
#define HIGH_PAIRS(f, i) 2 * (f) + 1 + (i)*WORDS / 2
#define EVEN_FOURS(f, i) 8 * (f) + (i)
#define ODD_FOURS(f, i)  8 * (f) + 4 + (i)
#ifdef __clang__
#define SHUFFLE(kind, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(kind, a, b, ...) __builtin_shuffle(a, b, (kind){__VA_ARGS__})
#endif
#define JOIN(a, b, X)       SHUFFLE(words, a, b, FOURS(X))
#define JOIN_PAIRS(a, b, X) (words) SHUFFLE(pairs, (pairs)a, (pairs)b, TWOS(X))

INLINE void transpose_words(words v[WORDS])
{
#pragma GCC unroll 4
    for (int q = 0; q < WORDS; q += 4) {
        words a = JOIN(v[q], v[q + 1], LOW_WORDS), b = JOIN(v[q], v[q + 1], HIGH_WORDS);
        words c = JOIN(v[q + 2], v[q + 3], LOW_WORDS), d = JOIN(v[q + 2], v[q + 3], HIGH_WORDS);
        v[q] = JOIN_PAIRS(a, c, LOW_PAIRS);
        v[q + 1] = JOIN_PAIRS(a, c, HIGH_PAIRS);
        v[q + 2] = JOIN_PAIRS(b, d, LOW_PAIRS);
        v[q + 3] = JOIN_PAIRS(b, d, HIGH_PAIRS);
    }
#if WIDTH > 16
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* v[4 q + i]: of rows 4 q .. 4 q + 3, words i, 4 + i, .. */
        words even = JOIN(v[i], v[4 + i], EVEN_FOURS), odd = JOIN(v[i], v[4 + i], ODD_FOURS);
#if WIDTH == 32
        v[i] = even;
        v[4 + i] = odd;
#else
        words even2 = JOIN(v[8 + i], v[12 + i], EVEN_FOURS), odd2 = JOIN(v[8 + i], v[12 + i], ODD_FOURS);
        v[i] = JOIN(even, even2, EVEN_FOURS);
        v[8 + i] = JOIN(even, even2, ODD_FOURS);
        v[4 + i] = JOIN(odd, odd2, EVEN_FOURS);
        v[12 + i] = JOIN(odd, odd2, ODD_FOURS);
#endif
    }
#endif
}

INLINE void transpose_f32(vec_f32 v[WORDS])
{
    words w[WORDS];
    for (int i = 0; i < WORDS; i++)
        w[i] = (words)v[i];
    transpose_words(w);
    for (int i = 0; i < WORDS; i++)
        v[i] = (vec_f32)w[i];
}

static void transpose_f64(vec_f64 v[WIDTH / 8])
{
    for (int i = 0; i < WIDTH / 8; i++)
        for (int l = 0; l < i; l++) {
            double t = v[i][l];
            v[i][l] = v[l][i];
            v[l][i] = t;
        }
}

/* v[0][i] becomes the sum of the lanes of v[i]: halves of two vectors that are joined are added, until one is left. */
INLINE void add_lanes_f32(vec_f32 v[WORDS])
{
#define HALVES(join, low, high, a, b)                                                                        \
    ((vec_f32)join((words)(a), (words)(b), low) + (vec_f32)join((words)(a), (words)(b), high))
#pragma GCC unroll 4
    for (int i = 0; i < WORDS / 4; i++) {
        const vec_f32 *four = v + 4 * i;
        vec_f32 a = HALVES(JOIN, LOW_WORDS, HIGH_WORDS, four[0], four[1]);
        vec_f32 b = HALVES(JOIN, LOW_WORDS, HIGH_WORDS, four[2], four[3]);
        v[i] = HALVES(JOIN_PAIRS, LOW_PAIRS, HIGH_PAIRS, a, b);
    }
#if WIDTH > 16
    for (int left = WORDS / 4; left > 1; left /= 2)
        for (int i = 0; i < left / 2; i++)
            v[i] = HALVES(JOIN, EVEN_FOURS, ODD_FOURS, v[2 * i], v[2 * i + 1]);
#endif
#undef HALVES
}

static void add_lanes_f64(vec_f64 v[WIDTH / 8])
{
    transpose_f64(v);
    for (int l = 1; l < WIDTH / 8; l++)
        v[0] += v[l];
}

/* The first n numbers of a vector, 0 < n < its length; nothing behind them is touched. */
#if WIDTH == 64
INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
}
#elif WIDTH == 32
static const int32_t mask_f32[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t mask_f64[8] = {-1, -1, -1, -1};

INLINE __m256i mask_of_f32(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(mask_f32 + 8 - n));
}

INLINE __m256i mask_of_f64(size_t n)
{
    return _mm256_loadu_si256((const __m256i *)(mask_f64 + 4 - n));
}

INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    return (vec_f32)_mm256_maskload_ps(p, mask_of_f32(n));
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    _mm256_maskstore_ps(p, mask_of_f32(n), (__m256)v);
}

INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    return (vec_f64)_mm256_maskload_pd(p, mask_of_f64(n));
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    _mm256_maskstore_pd(p, mask_of_f64(n), (__m256d)v);
}
#elif defined(__ARM_NEON)
INLINE vec_f32 load_part_f32(const float *p, size_t n)
{
    if (n == 1)
        return (vec_f32)vld1q_lane_f32(p, vdupq_n_f32(0), 0);
    float32x4_t v = vcombine_f32(vld1_f32(p), vdup_n_f32(0));
    return (vec_f32)(n == 2 ? v : vld1q_lane_f32(p + 2, v, 2));
}

INLINE void store_part_f32(float *p, vec_f32 v, size_t n)
{
    if (n > 1)
        vst1_f32(p, vget_low_f32((float32x4_t)v));
    if (n != 2)
        p[n - 1] = n == 1 ? v[0] : v[2];
}

/* A part of a vector of two is its first number. */
INLINE vec_f64 load_part_f64(const double *p, size_t n)
{
    (void)n;
    return (vec_f64){*p, 0};
}

INLINE void store_part_f64(double *p, vec_f64 v, size_t n)
{
    (void)n;
    *p = v[0];
}
#else
#define PORTABLE 1 /* by memcpy: vector_real_tmpl.c */
#endif

/* Bytes between rows and odd multiples of them: with the factors 2 and 4 that an address may hold, eight rows need
 * one pointer and these. */
typedef struct strides {
    size_t by1, by3, by5, by7;
} strides;

INLINE strides strides_of(size_t bytes)
{
    strides s = {bytes, 3 * bytes, 5 * bytes, 7 * bytes};
    PLAIN(s.by1);
    PLAIN(s.by3);
    PLAIN(s.by5);
    PLAIN(s.by7);
    return s;
}

/* sum[v] += *a b[v], v < vecs; add_row: of row `row` < 8 from l on. On AVX-512 those of floats are spelled out: left to
 * itself the compiler moves sums from register to register and computes addresses that an instruction could hold. */
#if WIDTH == 64
#define OWN_PRODUCTS 1
INLINE void add_product_f32(int vecs, const float *a, const vec_f32 b[2], vec_f32 sum[2])
{
    if (vecs == 1) {
        __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "m"(*a));
        return;
    }
    __m512 all = _mm512_set1_ps(*a);
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "v"(all));
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[1]) : "v"(b[1]), "v"(all));
}

INLINE void add_row_f32(int vecs, const float *l, int row, const strides *s, const vec_f32 b[2],
                        vec_f32 sum[2])
{
    const size_t stride = row == 3 || row == 6 ? s->by3 : row == 5 ? s->by5 : row == 7 ? s->by7 : s->by1;
    __m512 all;
#define AT(factor)                                                                                           \
    if (vecs == 1)                                                                                           \
        __asm__("vfmadd231ps (%2,%3," factor ")%{1to16%}, %1, %0"                                            \
                : "+v"(sum[0])                                                                               \
                : "v"(b[0]), "r"(l), "r"(stride), "m"(*(const float(*)[1 << 20]) l));                        \
    else                                                                                                     \
        __asm__("vbroadcastss (%1,%2," factor "), %0"                                                        \
                : "=v"(all)                                                                                  \
                : "r"(l), "r"(stride), "m"(*(const float(*)[1 << 20]) l));
    if (row == 0) {
        add_product_f32(vecs, l, b, sum);
        return;
    }
    if (row == 4) {
        AT("4")
    } else if (row == 2 || row == 6) {
        AT("2")
    } else {
        AT("1")
    }
#undef AT
    if (vecs == 1)
        return;
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[0]) : "v"(b[0]), "v"(all));
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum[1]) : "v"(b[1]), "v"(all));
}
#endif

/* As many bytes or shorts as lanes. The compiler by itself would convert them by halves. */
INLINE vec_f32 from_bytes_f32(const uint8_t *p)
{
#if WIDTH == 64
    return (vec_f32)_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)p)));
#elif WIDTH == 32
    return (vec_f32)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
#else
    vec_f32 v = {0};
    for (int l = 0; l < WORDS; l++)
        v[l] = p[l];
    return v;
#endif
}

INLINE vec_f32 from_shorts_f32(const int16_t *p)
{
#if WIDTH == 64
    return (vec_f32)_mm512_cvtepi32_ps(_mm512_cvtepi16_epi32(_mm256_load_si256((const __m256i *)p)));
#elif WIDTH == 32
    return (vec_f32)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_load_si128((const __m128i *)p)));
#elif defined(__ARM_NEON)
    return (vec_f32)vcvtq_f32_s32(vmovl_s16(vld1_s16(p)));
#else
    vec_f32 v = {0};
    for (int l = 0; l < WORDS; l++)
        v[l] = p[l];
    return v;
#endif
}

#define FDHT_REAL 32
#include "base/real.h"
#define WHOLE_NUMBERS 1
#include "kernels/vector_real_tmpl.c"
#include "kernels/vector_lanes_tmpl.c"
#undef OWN_PRODUCTS
#undef WHOLE_NUMBERS
#define WHOLE_NUMBERS 0 /* only what is fast in every use */
#define FDHT_REAL     64
#include "base/real.h"
#include "kernels/vector_real_tmpl.c"
#include "kernels/vector_lanes_tmpl.c"

typedef words words_at __attribute__((aligned(1), may_alias));

/* The random bytes of the counter-th four numbers in each lane, which decide whether they are dropped (kernels/elementwise_tmpl.c), from
 * counter x STEP + key. */
#define STEP 0x9e3779b9u
INLINE words random_words(words x)
{
    x = (x ^ x >> 16) * 0x85ebca6bu;
    x = (x ^ x >> 13) * 0xc2b2ae35u;
    return x ^ x >> 16;
}

/* All ones where a byte is at least that of the limit, so that a number is kept. */
INLINE words kept(words random, words limit)
{
    typedef uint8_t bytes __attribute__((vector_size(WIDTH)));
    return (words)((bytes)random >= (bytes)limit);
}

/* Four numbers, less the mean, from byte 0, 1, 2, 3 of every word; those not kept are 0. */
INLINE void to_floats(bool drop, words a, words keep, vec_f32 mean, vec_f32 *out)
{
    typedef int32_t numbers __attribute__((vector_size(WIDTH)));
#pragma GCC unroll 4
    for (uint32_t j = 0; j < 4; j++) {
        vec_f32 y = __builtin_convertvector((numbers)(a >> 8 * j & 255), vec_f32) - mean;
        out[j] = drop ? (vec_f32)((words)y & (words)((numbers)(keep >> 8 * j & 255) != 0)) : y;
    }
}

/* The same numbers as shorts, less the bytes of b: each of WORDS shorts, one for every lane. Even and odd bytes of all words
 * are shorts by a mask and a shift; then those of one number are brought together, within 16 bytes first. */
typedef int16_t shorts __attribute__((vector_size(WIDTH)));
typedef shorts shorts_at __attribute__((aligned(1), may_alias));
#define TOGETHER(f)                                                                                          \
    8 * (f), 8 * (f) + 2, 8 * (f) + 4, 8 * (f) + 6, 8 * (f) + 1, 8 * (f) + 3, 8 * (f) + 5, 8 * (f) + 7
#if WIDTH == 64
#define EIGHTS TOGETHER(0), TOGETHER(1), TOGETHER(2), TOGETHER(3)
#define EVERY_OTHER(first)                                                                                   \
    first, first + 2, first + 4, first + 6, first + 8, first + 10, first + 12, first + 14
#elif WIDTH == 32
#define EIGHTS             TOGETHER(0), TOGETHER(1)
#define EVERY_OTHER(first) first, first + 2, first + 4, first + 6
#else
#define EIGHTS             TOGETHER(0)
#define EVERY_OTHER(first) first, first + 2
#endif
INLINE void to_shorts(words a, words b, shorts_at *out)
{
    const shorts even = (shorts)(a & 0x00ff00ff) - (shorts)(b & 0x00ff00ff),
                 odd = (shorts)(a >> 8 & 0x00ff00ff) - (shorts)(b >> 8 & 0x00ff00ff);
    const pairs numbers02 = (pairs)SHUFFLE(shorts, even, even, EIGHTS),
                numbers13 = (pairs)SHUFFLE(shorts, odd, odd, EIGHTS);
    out[0] = (shorts)SHUFFLE(pairs, numbers02, numbers13, EVERY_OTHER(0));
    out[1] = (shorts)SHUFFLE(pairs, numbers02, numbers13, EVERY_OTHER(1));
}

/* The same numbers as bytes: those of one number are brought together within 16 bytes, then from all of them. */
typedef uint8_t bytes __attribute__((vector_size(WIDTH)));
#define FOUR_BYTES(first) first, first + 4, first + 8, first + 12
#define BYTES_OF(f)                                                                                          \
    FOUR_BYTES(16 * (f)), FOUR_BYTES(16 * (f) + 1), FOUR_BYTES(16 * (f) + 2), FOUR_BYTES(16 * (f) + 3)
#if WIDTH == 64
#define ALL_BYTES BYTES_OF(0), BYTES_OF(1), BYTES_OF(2), BYTES_OF(3)
#define ALL_WORDS FOUR_BYTES(0), FOUR_BYTES(1), FOUR_BYTES(2), FOUR_BYTES(3)
#elif WIDTH == 32
#define ALL_BYTES BYTES_OF(0), BYTES_OF(1)
#define ALL_WORDS 0, 4, 1, 5, 2, 6, 3, 7
#else
#define ALL_BYTES BYTES_OF(0)
#define ALL_WORDS 0, 1, 2, 3
#endif
INLINE words to_bytes(words a)
{
    a = (words)SHUFFLE(bytes, (bytes)a, (bytes)a, ALL_BYTES);
    return SHUFFLE(words, a, a, ALL_WORDS);
}

/* WIDTH bytes of every row, transposed by fours; those that come AHEAD of them are asked for, as each row is a stream of its own. */
INLINE void load_bytes(const uint8_t *const *row, size_t i, words v[WORDS])
{
    __asm__ volatile("" ::: "memory"); /* the pointers are read again, not kept in vector registers */
    for (int l = 0; l < WORDS; l++) {
        v[l] = *(const words_at *)(row[l] + i);
        __builtin_prefetch(row[l] + i + AHEAD);
    }
    transpose_words(v);
}

/* WIDTH numbers from number i on, of rows that begin at now and before. */
INLINE void convert_bytes(fdht_number numbers, bool drop, const fdht_pixels *p, const uint8_t *const *now,
                          const uint8_t *const *before, size_t i, char *out)
{
    words a[WORDS], b[WORDS] = {{0}}, keep = {0}, random;
    const words limit = (words){0} + p->drop * 0x01010101u;
    const words less = (words){0} + (numbers == FDHT_CENTRED ? (uint32_t)p->mean : 0) * 0x01010101u;
    const vec_f32 mean = (vec_f32){0} + p->mean;
    memcpy(&random, p->key, sizeof random);
    random += (uint32_t)((p->first + i) / 4) * STEP;
    load_bytes(now, i, a);
    if (numbers == FDHT_SHORTS)
        load_bytes(before, i, b);
#pragma GCC unroll 16
    for (size_t q = 0; q < WORDS; q++, random += STEP) {
        if (drop)
            keep = kept(random_words(random), limit);
        if (numbers == FDHT_REALS)
            to_floats(drop, a[q], keep, mean, (vec_f32 *)out + 4 * q);
        else if (numbers == FDHT_SHORTS)
            to_shorts(drop ? a[q] & keep : a[q], drop ? b[q] & keep : b[q], (shorts_at *)out + 2 * q);
        else
            ((words_at *)out)[q] = to_bytes(drop ? (a[q] & keep) | (less & ~keep) : a[q]);
    }
}

/* The n < WIDTH last numbers, by way of rows that are long enough. */
static NOINLINE void convert_rest(fdht_number numbers, size_t n, const fdht_pixels *p, size_t i, char *out)
{
    uint8_t line[2][WORDS][WIDTH] = {{{0}}};
    const uint8_t *now[WORDS], *before[WORDS];
    fdht_pixels rest = *p;
    vec_f32 all[WIDTH];
    for (int l = 0; l < WORDS; l++) {
        now[l] = memcpy(line[0][l], p->now[l] + i, n);
        before[l] = numbers == FDHT_SHORTS ? memcpy(line[1][l], p->before[l] + i, n) : NULL;
    }
    rest.first += i;
    if (numbers == FDHT_REALS)
        convert_bytes(FDHT_REALS, p->drop, &rest, now, before, 0, (char *)all);
    else if (numbers == FDHT_SHORTS)
        convert_bytes(FDHT_SHORTS, p->drop, &rest, now, before, 0, (char *)all);
    else
        convert_bytes(numbers, p->drop, &rest, now, before, 0, (char *)all);
    memcpy(out, all, n * number_bytes_f32(numbers));
}

/* The last whole register begins where it ends with the row, unless it would cut four numbers that share their random bits. */
INLINE void convert_rows(fdht_number numbers, bool drop, size_t n, const fdht_pixels *p, void *to)
{
    const size_t size = number_bytes_f32(numbers);
    char *out = to;
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        convert_bytes(numbers, drop, p, p->now, p->before, i, out + i * size);
    if (i < n && n >= WIDTH && n % 4 == 0)
        convert_bytes(numbers, drop, p, p->now, p->before, n - WIDTH, out + (n - WIDTH) * size);
    else if (i < n)
        convert_rest(numbers, n - i, p, i, out + i * size);
}

static void bytes_to_lanes_f32(size_t n, const fdht_pixels *p, fdht_number numbers, void *out)
{
#define ROWS(numbers)                                                                                        \
    if (p->drop)                                                                                             \
        convert_rows(numbers, true, n, p, out);                                                              \
    else                                                                                                     \
        convert_rows(numbers, false, n, p, out);
    if (numbers == FDHT_REALS) {
        ROWS(FDHT_REALS)
    } else if (numbers == FDHT_SHORTS) {
        ROWS(FDHT_SHORTS)
    } else if (numbers == FDHT_CENTRED) {
        ROWS(FDHT_CENTRED)
    } else {
        ROWS(FDHT_BYTES)
    }
#undef ROWS
}

static void bytes_to_lanes_f64(size_t n, const fdht_pixels *p, fdht_number numbers, void *lanes)
{
    enum { LANES = WIDTH / 8 };
    double *out = lanes;
    (void)numbers;
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < LANES; l++) {
            uint32_t random = random_words((words){(uint32_t)((p->first + i) / 4) * STEP + p->key[l]})[0];
            bool dropped = (random >> 8 * (i % 4) & 255) < p->drop;
            out[i * LANES + l] = dropped ? 0 : (double)p->now[l][i] - (double)p->mean;
        }
}

#define TABLE(level, type) CAT(fdht_kernels_, level, type)
extern const fdht_kernels_f32 TABLE(LEVEL, _f32);
extern const fdht_kernels_f64 TABLE(LEVEL, _f64);
#define KERNELS(type, ...)                                                                                   \
    {                                                                                                        \
        .gemm = gemm##type, .spin = spin##type, .from_u8 = from_u8##type, .takes_bytes = takes_bytes##type,  \
        .contract = contract##type, .outer = outer##type, .sum_lanes = sum_lanes##type,                      \
        .to_lanes = to_lanes##type, .from_lanes = from_lanes##type, .bytes_to_lanes = bytes_to_lanes##type,  \
        .lanes = sizeof(vec##type) / sizeof(((vec##type){0})[0]), __VA_ARGS__                                \
    }
const fdht_kernels_f32 TABLE(LEVEL, _f32) = KERNELS(_f32, .whole = true);
const fdht_kernels_f64 TABLE(LEVEL, _f64) = KERNELS(_f64, .whole = false);
