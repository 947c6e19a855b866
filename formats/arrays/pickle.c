/* arrays/pickle.c - the stack machine of Python's pickles, without the one thing it is for: calling. */
#include "arrays/pickle.h"

#include <string.h>

enum { MAX_VALUES = 1 << 21, MAX_ITEMS = 1 << 24 };
#define MARK UINT32_MAX

/* Numbers of values that grow. */
typedef struct numbers {
    uint32_t *v;
    size_t n, cap;
} numbers;

struct fdht_pickle {
    const uint8_t *data, *end, *p;
    fdht_pickle_value *value;
    size_t n, cap;
    numbers stack, memo;
    size_t items; /* in all containers together */
    uint32_t root;
    char **joined; /* class names whose two halves stand apart */
    size_t n_joined, cap_joined;
    fdht_error *err;
};

/* --- memory */

static bool grow(void **p, size_t *cap, size_t n, size_t need, size_t size, fdht_error *err)
{
    if (need <= *cap)
        return true;
    size_t wide = FDHT_MAX(need, *cap ? 2 * *cap : 4);
    void *grown = fdht_calloc_err(wide, size, "pickle", err);
    if (!grown)
        return false;
    if (n)
        memcpy(grown, *p, n * size);
    fdht_free(*p);
    *p = grown;
    *cap = wide;
    return true;
}

static int push_number(fdht_pickle *m, numbers *to, uint32_t v)
{
    void *p = to->v;
    if (!grow(&p, &to->cap, to->n, to->n + 1, sizeof *to->v, m->err))
        return FDHT_ENOMEM;
    to->v = p;
    to->v[to->n++] = v;
    return FDHT_OK;
}

static int bad(fdht_pickle *m, const char *what)
{
    return fdht_fail(m->err, FDHT_EFORMAT, "pickle, byte %zu: %s", (size_t)(m->p - m->data), what);
}

static int push(fdht_pickle *m, fdht_pickle_value v)
{
    void *p = m->value;
    if (m->n == MAX_VALUES)
        return bad(m, "too many values");
    if (!grow(&p, &m->cap, m->n, m->n + 1, sizeof *m->value, m->err))
        return FDHT_ENOMEM;
    m->value = p;
    m->value[m->n] = v;
    return push_number(m, &m->stack, (uint32_t)m->n++);
}

static int append(fdht_pickle *m, uint32_t to, const uint32_t *item, size_t n)
{
    fdht_pickle_value *v = &m->value[to];
    void *p = v->item;
    m->items += n;
    if (m->items > MAX_ITEMS)
        return bad(m, "too many values");
    if (!grow(&p, &v->cap, v->n, v->n + n, sizeof *v->item, m->err))
        return FDHT_ENOMEM;
    v->item = p;
    if (n)
        memcpy(v->item + v->n, item, n * sizeof *item);
    v->n += n;
    return FDHT_OK;
}

/* --- operands */

static bool take(fdht_pickle *m, size_t n, const uint8_t **out)
{
    if ((size_t)(m->end - m->p) < n)
        return false;
    *out = m->p;
    m->p += n;
    return true;
}

static bool take_number(fdht_pickle *m, size_t bytes, uint64_t *out)
{
    const uint8_t *p;
    if (!take(m, bytes, &p))
        return false;
    *out = 0;
    for (size_t i = 0; i < bytes; i++)
        *out |= (uint64_t)p[i] << 8 * i;
    return true;
}

static int push_text(fdht_pickle *m, size_t length_bytes)
{
    uint64_t n;
    const uint8_t *p;
    if (!take_number(m, length_bytes, &n) || n > (uint64_t)(m->end - m->p) || !take(m, (size_t)n, &p))
        return bad(m, "a string that is longer than the pickle");
    return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_STRING, .text = (const char *)p, .n = (size_t)n});
}

/* A whole number of two's complement, of any length. */
static int push_long(fdht_pickle *m, size_t length_bytes)
{
    uint64_t n, v = 0;
    const uint8_t *p;
    if (!take_number(m, length_bytes, &n) || n > (uint64_t)(m->end - m->p) || !take(m, (size_t)n, &p))
        return bad(m, "a number that is longer than the pickle");
    bool negative = n && p[n - 1] & 0x80;
    if (n > 8)
        return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_FLOAT, .f = negative ? -1e30 : 1e30});
    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)(i < n ? p[i] : negative ? 0xff : 0) << 8 * i;
    return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_INT, .i = (int64_t)v});
}

static int push_float(fdht_pickle *m, size_t bytes)
{
    const uint8_t *p;
    uint64_t bits = 0;
    fdht_pickle_value v = {.type = FDHT_PICKLE_FLOAT};
    if (!take(m, bytes, &p))
        return bad(m, "the pickle ends in a number");
    for (size_t i = 0; i < bytes; i++)
        bits = bits << 8 | p[i];
    memcpy(&v.f, &bits, sizeof v.f);
    return push(m, v);
}

static int push_int(fdht_pickle *m, size_t bytes)
{
    uint64_t v;
    if (!take_number(m, bytes, &v))
        return bad(m, "the pickle ends in a number");
    return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_INT, .i = bytes == 4 ? (int32_t)v : (int64_t)v});
}

/* --- the stack */

static bool pop(fdht_pickle *m, uint32_t *out)
{
    if (!m->stack.n || m->stack.v[m->stack.n - 1] == MARK)
        return false;
    *out = m->stack.v[--m->stack.n];
    return true;
}

/* Where the values above the topmost mark begin; SIZE_MAX without one. */
static size_t above_mark(const fdht_pickle *m)
{
    size_t i = m->stack.n;
    while (i && m->stack.v[i - 1] != MARK)
        i--;
    return i ? i : SIZE_MAX;
}

/* The values from `from` on become one container; `down` values below them go, too. */
static int collect(fdht_pickle *m, size_t from, size_t down, fdht_pickle_type type)
{
    if (from == SIZE_MAX || from > m->stack.n)
        return bad(m, "no mark on the stack");
    size_t n = m->stack.n - from;
    for (size_t i = from; i < m->stack.n; i++)
        if (m->stack.v[i] == MARK)
            return bad(m, "a mark inside a tuple");
    if (type == FDHT_PICKLE_DICT && n % 2)
        return bad(m, "a key without a value");
    int rc = push(m, (fdht_pickle_value){.type = type});
    if (!rc)
        rc = append(m, (uint32_t)m->n - 1, m->stack.v + from, n);
    if (rc)
        return rc;
    m->stack.v[from - down] = (uint32_t)m->n - 1;
    m->stack.n = from - down + 1;
    return FDHT_OK;
}

static int tuple(fdht_pickle *m, size_t n)
{
    return m->stack.n < n ? bad(m, "the stack is too short")
                          : collect(m, m->stack.n - n, 0, FDHT_PICKLE_TUPLE);
}

/* The values from `from` on, `below` more of the stack in between, go into the container under them. */
static int put(fdht_pickle *m, size_t from, size_t down, bool pairs)
{
    if (from == SIZE_MAX || from < down + 1)
        return bad(m, "no container on the stack");
    uint32_t to = m->stack.v[from - down - 1];
    size_t n = m->stack.n - from;
    if (to == MARK || (pairs && n % 2))
        return bad(m, "no container under the values");
    for (size_t i = from; i < m->stack.n; i++)
        if (m->stack.v[i] == MARK)
            return bad(m, "a mark among the values");
    fdht_pickle_type type = m->value[to].type;
    int rc = FDHT_OK;
    if (type == (pairs ? FDHT_PICKLE_DICT : FDHT_PICKLE_LIST))
        rc = append(m, to, m->stack.v + from, n);
    else if (type != FDHT_PICKLE_CALL &&
             !(type == FDHT_PICKLE_TUPLE && !pairs)) /* of a class not known: left out */
        return bad(m, "values for what is no container");
    m->stack.n = from - down;
    return rc;
}

/* --- classes */

static bool is_dict_class(const fdht_pickle_value *v)
{
    return v->type == FDHT_PICKLE_CLASS &&
           (fdht_pickle_is(v, "collections OrderedDict") || fdht_pickle_is(v, "collections defaultdict") ||
            fdht_pickle_is(v, "collections Counter") || fdht_pickle_is(v, "builtins dict") ||
            fdht_pickle_is(v, "__builtin__ dict"));
}

static const uint8_t *line(fdht_pickle *m)
{
    const uint8_t *start = m->p, *end = memchr(m->p, '\n', (size_t)(m->end - m->p));
    if (!end)
        return NULL;
    m->p = end + 1;
    return start;
}

static int push_class(fdht_pickle *m, const char *module, size_t n_module, const char *name, size_t n_name)
{
    void *p = m->joined;
    size_t n = n_module + 1 + n_name;
    if (!grow(&p, &m->cap_joined, m->n_joined, m->n_joined + 1, sizeof *m->joined, m->err))
        return FDHT_ENOMEM;
    m->joined = p;
    char *text = fdht_calloc_err(n + 1, 1, "pickle", m->err);
    if (!text)
        return FDHT_ENOMEM;
    memcpy(text, module, n_module);
    text[n_module] = ' ';
    memcpy(text + n_module + 1, name, n_name);
    m->joined[m->n_joined++] = text;
    return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_CLASS, .text = text, .n = n});
}

static int global(fdht_pickle *m, size_t unused)
{
    (void)unused;
    const uint8_t *module = line(m), *between = m->p, *name = module ? line(m) : NULL;
    if (!name)
        return bad(m, "a class without a name");
    return push_class(m, (const char *)module, (size_t)(between - module) - 1, (const char *)name,
                      (size_t)(m->p - name) - 1);
}

static int stack_global(fdht_pickle *m, size_t unused)
{
    (void)unused;
    uint32_t name, module;
    if (!pop(m, &name) || !pop(m, &module) || m->value[name].type != FDHT_PICKLE_STRING ||
        m->value[module].type != FDHT_PICKLE_STRING)
        return bad(m, "a class without a name");
    return push_class(m, m->value[module].text, m->value[module].n, m->value[name].text, m->value[name].n);
}

/* OrderedDict([[key, value], ..]) of old protocols. */
static int fill_dict(fdht_pickle *m, uint32_t dict, uint32_t args)
{
    const fdht_pickle_value *list = m->value[args].n ? &m->value[m->value[args].item[0]] : NULL;
    int rc = FDHT_OK;
    if (!list || list->type != FDHT_PICKLE_LIST)
        return FDHT_OK;
    for (size_t i = 0; i < list->n && !rc; i++) {
        const fdht_pickle_value *pair = &m->value[list->item[i]];
        if ((pair->type != FDHT_PICKLE_LIST && pair->type != FDHT_PICKLE_TUPLE) || pair->n != 2)
            return bad(m, "a dictionary of what are no pairs");
        rc = append(m, dict, pair->item, 2);
    }
    return rc;
}

/* A call stays one, but for dictionaries. */
static int reduce(fdht_pickle *m, size_t unused)
{
    (void)unused;
    uint32_t args, class;
    if (!pop(m, &args) || !pop(m, &class) || m->value[args].type != FDHT_PICKLE_TUPLE)
        return bad(m, "a call without arguments");
    bool dict = is_dict_class(&m->value[class]);
    int rc = push(m, (fdht_pickle_value){.type = dict ? FDHT_PICKLE_DICT : FDHT_PICKLE_CALL});
    uint32_t made = (uint32_t)m->n - 1;
    if (rc || dict)
        return rc ? rc : fill_dict(m, made, args);
    return append(m, made, (uint32_t[2]){class, args}, 2);
}

static int outside(fdht_pickle *m, size_t unused)
{
    (void)unused;
    uint32_t id;
    if (!pop(m, &id))
        return bad(m, "the stack is too short");
    int rc = push(m, (fdht_pickle_value){.type = FDHT_PICKLE_OUTSIDE});
    return rc ? rc : append(m, (uint32_t)m->n - 1, &id, 1);
}

/* --- the memo */

static int remember(fdht_pickle *m, uint64_t at)
{
    if (!m->stack.n || m->stack.v[m->stack.n - 1] == MARK)
        return bad(m, "nothing to remember");
    if (at > (uint64_t)(m->end - m->data)) /* each takes an opcode */
        return bad(m, "a memo number out of range");
    while (m->memo.n <= at) {
        int rc = push_number(m, &m->memo, MARK);
        if (rc)
            return rc;
    }
    m->memo.v[at] = m->stack.v[m->stack.n - 1];
    return FDHT_OK;
}

static int recall(fdht_pickle *m, size_t bytes)
{
    uint64_t at;
    if (!take_number(m, bytes, &at) || at >= m->memo.n || m->memo.v[at] == MARK)
        return bad(m, "a memo number that is not known");
    return push_number(m, &m->stack, m->memo.v[at]);
}

static int remember_at(fdht_pickle *m, size_t bytes)
{
    uint64_t at;
    return take_number(m, bytes, &at) ? remember(m, at) : bad(m, "the pickle ends in a number");
}

/* --- the machine: each opcode is a row, a call with one number */

static int op_mark(fdht_pickle *m, size_t unused)
{
    (void)unused;
    return push_number(m, &m->stack, MARK);
}

static int op_pop(fdht_pickle *m, size_t unused)
{
    (void)unused;
    if (!m->stack.n)
        return bad(m, "the stack is too short");
    m->stack.n--;
    return FDHT_OK;
}

static int op_pop_mark(fdht_pickle *m, size_t unused)
{
    (void)unused;
    size_t from = above_mark(m);
    if (from == SIZE_MAX)
        return bad(m, "no mark on the stack");
    m->stack.n = from - 1;
    return FDHT_OK;
}

/* The state of an object: attributes that no dictionary or tensor needs. */
static int op_build(fdht_pickle *m, size_t unused)
{
    uint32_t v;
    (void)unused;
    return pop(m, &v) ? FDHT_OK : bad(m, "the stack is too short");
}

static int op_skip(fdht_pickle *m, size_t n)
{
    const uint8_t *p;
    return take(m, n, &p) ? FDHT_OK : bad(m, "the pickle ends in an opcode");
}

static int op_bool(fdht_pickle *m, size_t value)
{
    return push(m, (fdht_pickle_value){.type = FDHT_PICKLE_BOOL, .i = (int64_t)value});
}

/* None, or an empty container. */
static int op_empty(fdht_pickle *m, size_t type)
{
    return push(m, (fdht_pickle_value){.type = (fdht_pickle_type)type});
}

static int op_dup(fdht_pickle *m, size_t unused)
{
    (void)unused;
    if (!m->stack.n || m->stack.v[m->stack.n - 1] == MARK)
        return bad(m, "the stack is too short");
    return push_number(m, &m->stack, m->stack.v[m->stack.n - 1]);
}

static int op_collect(fdht_pickle *m, size_t type)
{
    return collect(m, above_mark(m), 1, (fdht_pickle_type)type);
}

/* The topmost n values go into the container under them. */
static int op_put(fdht_pickle *m, size_t n)
{
    return m->stack.n < n + 1 ? bad(m, "the stack is too short") : put(m, m->stack.n - n, 0, n == 2);
}

static int op_put_marked(fdht_pickle *m, size_t pairs)
{
    return put(m, above_mark(m), 1, pairs);
}

static int op_memoize(fdht_pickle *m, size_t unused)
{
    (void)unused;
    return remember(m, m->memo.n);
}

/* Every opcode that is read, by its number. */
static const struct {
    int (*run)(fdht_pickle *m, size_t number);
    size_t number;
} opcodes[256] = {
    [0x80] = {op_skip, 1}, /* PROTO */
    [0x95] = {op_skip, 8}, /* FRAME */
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['b'] = {op_build, 0},
    ['N'] = {op_empty, FDHT_PICKLE_NONE},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['K'] = {push_int, 1}, /* BININT1, 2, BININT */
    ['M'] = {push_int, 2},
    ['J'] = {push_int, 4},
    [0x8a] = {push_long, 1}, /* LONG1, LONG4 */
    [0x8b] = {push_long, 4},
    ['G'] = {push_float, 8},
    ['U'] = {push_text, 1}, /* SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE */
    ['C'] = {push_text, 1},
    [0x8c] = {push_text, 1},
    ['T'] = {push_text, 4}, /* BINSTRING, BINBYTES, BINUNICODE */
    ['B'] = {push_text, 4},
    ['X'] = {push_text, 4},
    [0x8d] = {push_text, 8}, /* BINUNICODE8, BINBYTES8, BYTEARRAY8 */
    [0x8e] = {push_text, 8},
    [0x96] = {push_text, 8},
    ['}'] = {op_empty, FDHT_PICKLE_DICT},
    [']'] = {op_empty, FDHT_PICKLE_LIST},
    [')'] = {op_empty, FDHT_PICKLE_TUPLE},
    [0x8f] = {op_empty, FDHT_PICKLE_TUPLE}, /* EMPTY_SET */
    ['t'] = {op_collect, FDHT_PICKLE_TUPLE},
    [0x91] = {op_collect, FDHT_PICKLE_TUPLE}, /* FROZENSET */
    ['l'] = {op_collect, FDHT_PICKLE_LIST},
    ['d'] = {op_collect, FDHT_PICKLE_DICT},
    [0x85] = {tuple, 1},
    [0x86] = {tuple, 2},
    [0x87] = {tuple, 3},
    ['a'] = {op_put, 1}, /* APPEND, SETITEM */
    ['s'] = {op_put, 2},
    ['e'] = {op_put_marked, false}, /* APPENDS, ADDITEMS, SETITEMS */
    [0x90] = {op_put_marked, false},
    ['u'] = {op_put_marked, true},
    ['c'] = {global, 0},
    [0x93] = {stack_global, 0},
    ['R'] = {reduce, 0}, /* REDUCE, NEWOBJ */
    [0x81] = {reduce, 0},
    ['Q'] = {outside, 0},
    ['q'] = {remember_at, 1}, /* BINPUT, LONG_BINPUT */
    ['r'] = {remember_at, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {recall, 1}, /* BINGET, LONG_BINGET */
    ['j'] = {recall, 4},
};

static int step(fdht_pickle *m, uint8_t op)
{
    if (!opcodes[op].run)
        return fdht_fail(m->err, FDHT_EFORMAT, "pickle, byte %zu: opcode 0x%02x is not read",
                         (size_t)(m->p - m->data) - 1, op);
    return opcodes[op].run(m, opcodes[op].number);
}

int fdht_pickle_read(const uint8_t *data, size_t n, fdht_pickle **out, fdht_error *err)
{
    *out = NULL;
    fdht_pickle *m = fdht_calloc_err(1, sizeof *m, "pickle", err);
    if (!m)
        return FDHT_ENOMEM;
    *m = (fdht_pickle){.data = data, .p = data, .end = data + n, .err = err};
    int rc = FDHT_OK;
    for (;;) {
        const uint8_t *op;
        if (!take(m, 1, &op))
            rc = bad(m, "no end");
        else if (*op == '.')
            break;
        else
            rc = step(m, *op);
        if (rc)
            break;
    }
    if (!rc && !pop(m, &m->root))
        rc = bad(m, "ends with nothing");
    m->err = NULL;
    if (rc)
        fdht_pickle_free(m);
    else
        *out = m;
    return rc;
}

void fdht_pickle_free(fdht_pickle *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        fdht_free(p->value[i].item);
    for (size_t i = 0; i < p->n_joined; i++)
        fdht_free(p->joined[i]);
    fdht_free(p->joined);
    fdht_free(p->value);
    fdht_free(p->stack.v);
    fdht_free(p->memo.v);
    fdht_free(p);
}

uint32_t fdht_pickle_root(const fdht_pickle *p)
{
    return p->root;
}

const fdht_pickle_value *fdht_pickle_at(const fdht_pickle *p, uint32_t v)
{
    return &p->value[v];
}

bool fdht_pickle_is(const fdht_pickle_value *v, const char *s)
{
    size_t n = strlen(s);
    return (v->type == FDHT_PICKLE_STRING || v->type == FDHT_PICKLE_CLASS) && v->n == n &&
           !memcmp(v->text, s, n);
}
