// bench.cpp - lockstep: every access of the accelerator in SystemVerilog against the trace that fdht simulate wrote, port for port and
// cycle for cycle: buffer, bank, line, word and who made it; and every
// word that has no room in its memories, which the bench keeps. `bench DIR [+PLUSARG..]`; prints one line, status 0 where nothing differs.
// The parameters of fdht_params.svh come as macros.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "Vfdht_acc.h"
#include "Vfdht_acc___024root.h"
#include "verilated.h"

namespace {

const int banks = 1 << FDHT_BANK_BITS, ports = 2 * banks, line_bits = FDHT_ADDRESS_BITS - FDHT_BANK_BITS, outside_bits = FDHT_ADDRESS_BITS + 1;

struct access {
    uint64_t cycle;
    char port;
    int buffer, bank, line, stage, word;
};

struct program {
    std::vector<access> trace;
    std::vector<unsigned> input, place, host;
    uint64_t cycles = 0;
    int unit = -1; // the stage of the LSTM unit
};

[[noreturn]] void die(const std::string &what)
{
    printf("FAIL: %s\n", what.c_str());
    exit(2);
}

std::vector<unsigned> read_hex(const std::string &path)
{
    std::vector<unsigned> v;
    unsigned w;
    FILE *f = fopen(path.c_str(), "r");
    if (!f)
        die("no " + path);
    while (fscanf(f, "%x", &w) == 1)
        v.push_back(w);
    fclose(f);
    return v;
}

program read_program(const std::string &dir)
{
    program p;
    char text[256], name[8];
    FILE *f = fopen((dir + "/trace.txt").c_str(), "r");
    if (!f)
        die("no trace in " + dir);
    while (fgets(text, sizeof text, f)) {
        access a;
        unsigned long long cycle;
        if (sscanf(text, "%llu %c %d %d %d %d %d", &cycle, &a.port, &a.buffer, &a.bank, &a.line, &a.stage, &a.word) == 7) {
            a.cycle = cycle;
            p.trace.push_back(a);
        } else if (sscanf(text, "# stage %d %7s", &a.stage, name) == 2) {
            if (!strcmp(name, "lstm"))
                p.unit = a.stage;
        } else if (sscanf(text, "end %llu", &cycle) == 1)
            p.cycles = cycle;
    }
    fclose(f);
    if (!p.cycles)
        die("a trace without an end in " + dir);
    std::stable_sort(p.trace.begin(), p.trace.end(), [](const access &a, const access &b) { return a.cycle < b.cycle; });
    p.input = read_hex(dir + "/input.hex");
    p.place = read_hex(dir + "/places.hex");
    f = fopen((dir + "/host.hex").c_str(), "r");
    if (!f)
        die("no host.hex in " + dir);
    for (char line[4 * 256 + 2]; fgets(line, sizeof line, f);) // the first word of a line is its last
        for (int i = static_cast<int>(strcspn(line, "\n")) - 4; i >= 0; i -= 4) {
            p.host.push_back(static_cast<unsigned>(strtoul(line + i, nullptr, 16)));
            line[i] = 0;
        }
    fclose(f);
    return p;
}

// n bits from bit lo on of a port of the model, whatever its type
template <class T> uint64_t field(const T &v, int lo, int n)
{
    const uint8_t *byte = reinterpret_cast<const uint8_t *>(&v);
    uint64_t x = 0;
    for (int i = 0; i < n; i++)
        x |= static_cast<uint64_t>(byte[(lo + i) / 8] >> (lo + i) % 8 & 1) << i;
    return x;
}

template <class T> void set_field(T &v, int lo, int n, uint64_t x)
{
    uint8_t *byte = reinterpret_cast<uint8_t *>(&v);
    for (int i = 0; i < n; i++)
        byte[(lo + i) / 8] = static_cast<uint8_t>((byte[(lo + i) / 8] & ~(1 << (lo + i) % 8)) | (x >> i & 1) << (lo + i) % 8);
}

class bench {
  public:
    bench(VerilatedContext &c, program p) : top(&c), prog(std::move(p)), want(ports), seen(ports), outside(1 << outside_bits) {}

    int run()
    {
        top.rst = 1;
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        top.rst = 0;
        while (cycle <= prog.cycles + 1000 && step()) {
        }
        size_t left = prog.trace.size() - at;
        bool ok = !wrong && !left && cycle == prog.cycles;
        printf("%s: %llu cycles of %llu, %zu accesses, %zu of them outside, %ld wrong, %zu left\n", ok ? "ok" : "FAIL",
               static_cast<unsigned long long>(cycle), static_cast<unsigned long long>(prog.cycles), at, crossed, wrong, left);
        return !ok;
    }

  private:
    Vfdht_acc top;
    program prog;
    std::vector<access> want, seen, crossing; // crossing: reads and writes of this cycle that the simulator makes outside the memories
    std::vector<uint16_t> outside;            // {buffer, line, bank}
    uint64_t cycle = 0;
    size_t at = 0, taken = 0, placed = 0, shown = SIZE_MAX, crossed = 0; // shown: from which word of the weights on
    long wrong = 0;

    void say(const char *what, const access &a)
    {
        if (wrong++ < 8)
            printf("cycle %llu: %s %c buffer %d bank %d line %d word %d (stage %d)\n", static_cast<unsigned long long>(cycle), what, a.port,
                   a.buffer, a.bank, a.line, a.word, a.stage);
    }

    int who(const access &a) const
    {
        return a.port == 'i' ? 2 : a.stage == prog.unit;
    }

    void expect()
    {
        for (auto &a : want)
            a.port = 0;
        crossing.clear();
        for (; at < prog.trace.size() && prog.trace[at].cycle == cycle; at++) {
            const access &a = prog.trace[at];
            if (a.port == 'R' || a.port == 'W') {
                crossing.push_back(a);
                continue;
            }
            access &slot = want[FDHT_ONE_MEMORY ? a.bank : a.buffer * banks + a.bank];
            if (slot.port)
                say("a port has two in the trace:", a);
            slot = a;
        }
    }

    void look(int p)
    {
        access &a = seen[p];
        a.port = 0;
        if (!field(top.port_en, p, 1))
            return;
        int kind = static_cast<int>(field(top.port_who, 2 * p, 2));
        a.port = kind == 2 ? 'i' : field(top.port_we, p, 1) ? 'w' : 'r';
        a.buffer = static_cast<int>(field(top.port_at, p * (line_bits + 1) + line_bits, 1));
        a.line = static_cast<int>(field(top.port_at, p * (line_bits + 1), line_bits));
        a.bank = p % banks;
        a.stage = kind;
        a.word = static_cast<int16_t>(field(top.port_d, p * 16, 16));
    }

    void compare(int p)
    {
        const access &w = want[p];
        access &s = seen[p];
        if (s.port == 'r')
            s.word = static_cast<int16_t>(field(top.port_q, p * 16, 16));
        if (!w.port && !s.port)
            return;
        if (w.port == s.port && w.buffer == s.buffer && w.line == s.line && w.word == s.word && who(w) == s.stage)
            return;
        if (w.port)
            say("the simulator has", w);
        if (s.port)
            say("the hardware has ", s);
    }

    // The words that cross in this cycle, each way in the order of their channels; `done` are the words that reads get.
    void cross(std::vector<std::pair<int, uint16_t>> &done)
    {
        size_t next[2] = {0, 0};
        std::vector<access> ways[2];
        for (const access &a : crossing)
            ways[a.port == 'W'].push_back(a);
        for (int way = 0; way < 2; way++) {
            for (int i = 0; i < FDHT_SPILL_WORDS; i++) {
                if (!(way ? field(top.xw_en, i, 1) : field(top.xr_en, i, 1)))
                    continue;
                uint64_t where = way ? field(top.xw_at, i * outside_bits, outside_bits) : field(top.xr_at, i * outside_bits, outside_bits);
                access s = {cycle, way ? 'W' : 'R', static_cast<int>(where >> FDHT_ADDRESS_BITS), static_cast<int>(where % banks),
                            static_cast<int>(where >> FDHT_BANK_BITS & ((1u << line_bits) - 1)), 0, 0};
                if (way)
                    outside[where] = static_cast<uint16_t>(field(top.xw_d, i * 16, 16));
                else
                    done.emplace_back(i, outside[where]);
                s.word = static_cast<int16_t>(outside[where]);
                crossed++;
                if (next[way] == ways[way].size()) {
                    say("the hardware alone has", s);
                    continue;
                }
                const access &w = ways[way][next[way]++];
                if (w.buffer != s.buffer || w.bank != s.bank || w.line != s.line || w.word != s.word) {
                    say("the simulator has", w);
                    say("the hardware has ", s);
                }
            }
            for (; next[way] < ways[way].size(); next[way]++)
                say("the simulator alone has", ways[way][next[way]]);
        }
    }

    // one cycle; false at the end
    bool step()
    {
        top.clk = 0;
        for (int i = 0; i < FDHT_LINK_WORDS; i++)
            set_field(top.in, 16 * i, 16, taken + i < prog.input.size() ? prog.input[taken + i] : 0);
        top.eval();
        if (top.weights_at != shown) {
            shown = top.weights_at;
            for (size_t i = 0; i < FDHT_REFILL_WORDS; i++)
                set_field(top.weights, 16 * static_cast<int>(i), 16, shown + i < prog.host.size() ? prog.host[shown + i] : 0);
            top.eval();
        }
        std::vector<std::pair<int, uint16_t>> brought;
        bool running = top.running, put = top.put;
        unsigned take = top.in_take;
        if (top.halted)
            return false;
        if (running) {
            expect();
            for (int p = 0; p < ports; p++)
                look(p);
            if (top.clash && wrong++ < 8)
                printf("cycle %llu: a port reads and writes\n", static_cast<unsigned long long>(cycle));
            if (top.beyond && wrong++ < 8)
                printf("cycle %llu: a line behind the end of a bank\n", static_cast<unsigned long long>(cycle));
            cross(brought);
        }
        top.clk = 1;
        top.eval();
        for (int p = 0; p < ports && running; p++)
            compare(p);
        for (auto &b : brought)
            set_field(top.xr_q, 16 * b.first, 16, b.second);
        taken += take;
        for (size_t i = 0; i < prog.place.size() && put; i++, placed++) {
            unsigned word = prog.place[i] & 0x7fffffff;
            uint16_t v = static_cast<uint16_t>(prog.input[placed]);
            if (word != prog.place[i]) // it has no room
                outside[word] = v;
            else
                top.rootp->fdht_acc__DOT__mem[word] = v;
        }
        cycle += running;
        return true;
    }
};

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2)
        die("usage: bench DIR [+PLUSARG..]");
    VerilatedContext context;
    std::string image = std::string("+img=") + argv[1];
    std::vector<const char *> args(argv, argv + argc);
    args[1] = image.c_str();
    context.commandArgs(argc, args.data());
    return bench(context, read_program(argv[1])).run();
}
