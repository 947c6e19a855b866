// The parts of the accelerator as they are priced, each on its own: what prices.py synthesises (tests/rtl/syn/README.md). Widths are
// those of lib/sim/rtl: addresses of 19 bits, 8 digits of 13 bits, 24-bit accumulators; 16 lanes and 32 banks of 16-bit words.

// One multiply-add unit with its two accumulators.
module part_mac(input clk, en, first, set, input [4:0] shift, input signed [15:0] w, x, output signed [23:0] acc0, acc1);
    mac #(24) u (clk, en, first, set, shift, w, x, acc0, acc1);
endmodule

// Addresses of four lanes, and of one.
module part_agu(input clk, load, step, input [103:0] ext, input [18:0] unit_a, input [4:0] unit_k, input [151:0] corr_a,
                input [39:0] corr_k, output [75:0] a, output [19:0] k);
    agu_vec #(4, 8, 13, 19, 5) u (clk, load, step, ext, unit_a, unit_k, corr_a, corr_k, a, k);
endmodule
module part_agu1(input clk, load, step, input [103:0] ext, input [18:0] unit_a, input [4:0] unit_k, input [151:0] corr_a,
                 input [39:0] corr_k, output [18:0] a, output [4:0] k);
    agu_vec #(1, 8, 13, 19, 5) u (clk, load, step, ext, unit_a, unit_k, corr_a, corr_k, a, k);
endmodule

// Bank and line of one word: two addresses and skews added, the bank function, the base line.
module part_place(input [1:0] f, input [18:0] a0, a1, input [4:0] k0, k1, input [13:0] base, output [4:0] bank, output [13:0] line);
    wire [13:0] l;
    bank_map #(19, 5) u (f, a0 + a1, k0 + k1, bank, l);
    assign line = l + base;
endmodule

// Words from B banks to L lanes: any word to any lane, or a rotation.
module crossbar #(parameter L = 16, LB = 5) (input clk, input [(16<<LB)-1:0] q, input [L*LB-1:0] bank, input [L-1:0] go, output reg [16*L-1:0] x);
    integer l;
    always @(posedge clk) for (l = 0; l < L; l = l + 1) if (go[l]) x[l*16 +: 16] <= q[bank[l*LB +: LB]*16 +: 16];
endmodule
module part_crossbar(input clk, input [511:0] q, input [79:0] bank, input [15:0] go, output [255:0] x);
    crossbar #(16, 5) u (clk, q, bank, go, x);
endmodule
module part_crossbar16(input clk, input [255:0] q, input [63:0] bank, input [15:0] go, output [255:0] x);
    crossbar #(16, 4) u (clk, q, bank, go, x);
endmodule
module part_rotator(input clk, input [511:0] q, input [4:0] turn, output reg [255:0] x);
    wire [1023:0] s = {q, q} >> {turn, 4'd0};
    always @(posedge clk) x <= s[255:0];
endmodule

// Which of the words reach their banks, and the banks' lines: 8 words and 16 banks, 4 and 8.
module part_arbiter(input [7:0] want, input [31:0] bank, input [111:0] line, output [7:0] go, output [15:0] en, output [223:0] at, output last, input [15:0] taken);
    arbiter #(8, 4, 14) u (want, bank, line, go, en, at, last, taken);
endmodule
module part_arbiter4(input [3:0] want, input [11:0] bank, input [55:0] line, output [3:0] go, output [7:0] en, output [111:0] at, output last, input [7:0] taken);
    arbiter #(4, 3, 14) u (want, bank, line, go, en, at, last, taken);
endmodule

// A word that leaves a 16 x 16 array: its place in the tile, and its accumulator out of two sets.
module part_drain(input [8:0] i, input [4:0] nr, nc, input by_column, set, input [6143:0] acc0, acc1, output [23:0] a);
    wire [8:0] n = {4'd0, by_column ? nr : nc}, q = n == 0 ? 9'd0 : i / n, m = n == 0 ? 9'd0 : i % n;
    wire [8:0] at = {set, by_column ? {q[3:0], m[3:0]} : {m[3:0], q[3:0]}};
    wire [12287:0] all = {acc1, acc0};
    wire [511:0] bit_of [0:23];
    genvar b, g;
    generate for (b = 0; b < 24; b = b + 1) begin : bits
        for (g = 0; g < 512; g = g + 1) begin : words
            assign bit_of[b][g] = all[24*g + b];
        end
        assign a[b] = bit_of[b][at];
    end endgenerate
endmodule

// Accumulator to word: round, shift, saturate.
module part_round(input signed [23:0] a, input [5:0] shift, output [15:0] q);
    rounder #(24) u (a, shift, q);
endmodule

// One lane of the LSTM unit, and its copy of the tables (made by prices.py).
module part_lstm(input clk, in, input [1:0] gate, input [3:0] z_shift, c_frac, input signed [15:0] zx, zh, bias, c_old,
                 output signed [15:0] c, h, output [7:0] at, output at_tanh, input signed [15:0] t0, t1, output [7:0] ct, input signed [15:0] c0, c1);
    lstm_lane u (clk, in, gate, z_shift, c_frac, zx, zh, bias, c_old, c, h, at, at_tanh, t0, t1, ct, c0, c1);
endmodule
module part_lstm_table(input [7:0] at, ct, input at_tanh, output [15:0] t0, t1, c0, c1);
    wire [15:0] s0, s1, u0, u1;
    sigmoid_table a (at, s0, s1);
    tanh_table b (at, u0, u1), c (ct, c0, c1);
    assign t0 = at_tanh ? u0 : s0, t1 = at_tanh ? u1 : s1;
endmodule
