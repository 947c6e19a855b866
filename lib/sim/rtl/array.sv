// array.sv - one stage: tiles of M rows by P columns, one inner index a cycle; two sets of accumulators, one computes while the
// other drains WB words a cycle. Issue and drain are decided at the front end; reads leave at once, the write port follows
// PIPE cycles later.
//
// A port is a bank of a memory: {buffer, bank}, or with one memory bank alone. Its address is {buffer, line}. Lines of a stage's
// tensor from its end on (words 16 and 17 of its descriptor) have no room in memory: their words come and go over XW channels each
// way, with {buffer, line, bank} as the address, and as late as those of a bank.

// An address generator over a group of legs, as the words of a descriptor have them: what index 1 adds to address and skew, then of
// each digit its extent and what a carry adds to both.
module agu_legs #(parameter L = 16, ND = 8, DW = 13, AW = 19, KW = 5) (
    input clk, input load, input step, input [(2+3*ND)*32-1:0] words, output [L*AW-1:0] a, output [L*KW-1:0] k);
    wire [ND*DW-1:0] ext; wire [ND*AW-1:0] corr_a; wire [ND*KW-1:0] corr_k;
    genvar d;
    generate for (d = 0; d < ND; d = d + 1) begin : digit
        assign ext[d*DW +: DW] = words[(2+3*d)*32 +: DW];
        assign corr_a[d*AW +: AW] = words[(3+3*d)*32 +: AW];
        assign corr_k[d*KW +: KW] = words[(4+3*d)*32 +: KW];
    end endgenerate
    agu_vec #(L, ND, DW, AW, KW) u (.clk, .load, .step, .ext, .unit_a(words[AW-1:0]), .unit_k(words[32 +: KW]), .corr_a, .corr_k, .a, .k);
endmodule

// W bits, N cycles later; 0 after a reset.
module delay #(parameter N = 4, W = 1) (input clk, input rst, input [W-1:0] in, output [W-1:0] out);
    generate if (N == 0) begin : none
        assign out = in;
    end else begin : some
        reg [W-1:0] r [1:N];
        genvar i;
        for (i = 1; i <= N; i = i + 1) begin : stage
            always @(posedge clk) r[i] <= rst ? {W{1'b0}} : i == 1 ? in : r[i == 1 ? 1 : i - 1];
        end
        assign out = r[N];
    end endgenerate
endmodule

// Requests of N words over W channels: the first ones that wait go, each over a channel of its own.
module channels #(parameter N = 16, W = 4, SB = 2) (
    input [N-1:0] want, output reg [N-1:0] go, output reg [N*SB-1:0] slot, output last);
    integer i, n;
    always @* begin
        go = 0; slot = 0; n = 0;
        for (i = 0; i < N; i = i + 1)
            if (want[i] && n < W) begin go[i] = 1; slot[i*SB +: SB] = n[SB-1:0]; n = n + 1; end
    end
    assign last = go == want;
endmodule

module array #(parameter P = 16, M = 16, LB = 5, WB = 32, AW = 19, ND = 8, DW = 13, PIPE = 4, ACC = 24, ONE = 0, XW = 4,
               B2 = 2 << LB, LW = AW - LB, SB = XW > 1 ? $clog2(XW) : 1) (
    input clk, input rst,
    input go, // the stage begins with the next edge
    input run, // a cycle of it
    input [18*32-1:0] head, input [6*(2+3*ND)*32-1:0] legs, // legs: of the stage that begins, if go
    input src, input dst, input [LW-1:0] src_base, input [LW-1:0] dst_base,
    output ended, // its last group leaves the accumulators
    output load, output [31:0] load_from, input loading, // the weights of a tile come, from this word of the host's on
    output w_read, output [31:0] w_at, input [16*M-1:0] w_q,
    output [B2-1:0] r_en, output [B2*(LW+1)-1:0] r_at, input [B2*16-1:0] q,
    output reg [B2-1:0] w_en, output reg [B2*(LW+1)-1:0] w_line, output reg [B2*16-1:0] w_d,
    output reg [XW-1:0] xr_en, output reg [XW*(AW+1)-1:0] xr_at, input [XW*16-1:0] xr_q,
    output reg [XW-1:0] xw_en, output reg [XW*(AW+1)-1:0] xw_at, output reg [XW*16-1:0] xw_d);
    localparam B = 1 << LB, GRP = 2 + 3*ND;
    wire [31:0] rows = head[1*32 +: 32], inner = head[2*32 +: 32], cols = head[3*32 +: 32], row_tiles = head[4*32 +: 32];
    wire [31:0] col_tiles = head[5*32 +: 32], outer = head[6*32 +: 32], w_base = head[10*32 +: 32];
    wire by_column = head[7*32];
    wire [4:0] acc_shift = head[8*32 +: 5];
    wire [5:0] out_shift = head[9*32 +: 6];
    wire [31:0] in_end = head[16*32 +: 32], out_end = head[17*32 +: 32];
    wire [1:0] f_in = head[11*32 +: 2], f_out = head[12*32 +: 2];

    // ---- issue: the tile at hand, or the next one
    localparam FREE = 0, COMPUTING = 1, FULL = 2, DRAINING = 3;
    reg [1:0] state [0:1]; // of the sets
    reg [8:0] nr_of [0:1], nc_of [0:1];
    reg [31:0] k, row, col, out_i;
    reg more, cur, open;
    wire take = run && state[cur] == FREE && more;
    wire busy = run && (state[cur] == COMPUTING || take);
    wire [31:0] left_c = cols - col * P, left_r = rows - row * M;
    wire [8:0] nc = left_c > P ? P[8:0] : left_c[8:0], nr = left_r > M ? M[8:0] : left_r[8:0];
    wire [P*AW-1:0] lane_a; wire [P*LB-1:0] lane_k, bank; wire [P*(LW+1)-1:0] line;
    wire [AW-1:0] in_a, up_a; wire [LB-1:0] in_k, up_k;
    reg [P-1:0] left, lanes; // left: lanes of the open read that still wait
    reg [B-1:0] banks; // of the whole read
    wire [B-1:0] en, w_banks; wire [B*(LW+1)-1:0] at; wire [P-1:0] away, lane_go, x_go; wire [P*SB-1:0] x_slot; wire last_b, last_x;
    wire last = last_b && last_x;
    wire by_tile = head[15*32 +: 32] != 0; // the stage's weights do not fit
    wire hold = (ONE != 0 && |(banks & w_banks)) || (by_tile && loading); // a write takes one of the banks; no weights yet
    assign load = take && by_tile, load_from = head[13*32 +: 32] + row * inner * M;
    wire [P-1:0] want = !busy || hold ? {P{1'b0}} : open ? left : lanes;
    integer l;
    always @* begin
        banks = 0;
        for (l = 0; l < P; l = l + 1) begin
            lanes[l] = l[8:0] < nc;
            if (l[8:0] < nc && !away[l]) banks[bank[l*LB +: LB]] = 1;
        end
    end
    wire issue = busy && !hold && last, end_k = k + 1 == inner, finish = issue && end_k;
    wire end_row = row + 1 == row_tiles, end_col = col + 1 == col_tiles, end_out = out_i + 1 == outer;
    agu_legs #(1, ND, DW, AW, LB) u_in (.clk, .load(go || finish), .step(issue), .words(legs[0*GRP*32 +: GRP*32]), .a(in_a), .k(in_k));
    agu_legs #(P, ND, DW, AW, LB) u_lane (.clk, .load(go || (finish && end_row && end_col)), .step(finish && end_row), .words(legs[1*GRP*32 +: GRP*32]),
                                         .a(lane_a), .k(lane_k));
    agu_legs #(1, ND, DW, AW, LB) u_up (.clk, .load(go), .step(finish && end_row && end_col), .words(legs[2*GRP*32 +: GRP*32]), .a(up_a), .k(up_k));
    genvar g;
    generate for (g = 0; g < P; g = g + 1) begin : lane
        wire [LW-1:0] n, at_line = n + src_base;
        bank_map #(AW, LB) map (f_in, in_a + up_a + lane_a[g*AW +: AW], in_k + up_k + lane_k[g*LB +: LB], bank[g*LB +: LB], n);
        assign line[g*(LW+1) +: LW+1] = {src, at_line}, away[g] = at_line >= in_end;
    end endgenerate
    arbiter #(P, LB, LW+1) arb_r (want & ~away, bank, line, lane_go, en, at, last_b, {B{1'b0}});
    channels #(P, XW, SB) chan_r (want & away, x_go, x_slot, last_x);
    integer c; reg [SB-1:0] rs;
    always @* begin
        xr_en = 0; xr_at = 0; rs = 0;
        for (c = 0; c < P; c = c + 1)
            if (x_go[c]) begin
                rs = x_slot[c*SB +: SB];
                xr_en[rs] = 1; xr_at[rs*(AW+1) +: AW+1] = {line[c*(LW+1) +: LW+1], bank[c*LB +: LB]};
            end
    end
    assign r_en = ONE != 0 || !src ? {{B{1'b0}}, en} : {en, {B{1'b0}}};
    assign r_at = {at, at};
    assign w_read = issue;
    assign w_at = by_tile ? k : w_base + row * inner + k;

    // ---- drain: WB words a cycle of the set `out`
    reg out, d_open; reg [16:0] done; reg [WB-1:0] d_left; reg [31:0] d_row, d_col;
    wire draining = run && state[out] >= FULL;
    wire [8:0] dr = nr_of[out], dc = nc_of[out];
    wire [17:0] total = dr * dc;
    wire [M*AW-1:0] row_a; wire [M*LB-1:0] row_k; wire [P*AW-1:0] col_a; wire [P*LB-1:0] col_k; wire [AW-1:0] over_a; wire [LB-1:0] over_k;
    wire [WB-1:0] d_valid, d_away, d_go, dx_go; wire [WB*SB-1:0] dx_slot; wire [WB*16-1:0] d_at; wire [WB*LB-1:0] d_bank; wire [WB*(LW+1)-1:0] d_line;
    wire [WB-1:0] d_want = !draining ? {WB{1'b0}} : d_open ? d_left : d_valid;
    wire [B-1:0] d_en; wire [B*(LW+1)-1:0] d_lines; wire d_last_b, d_last_x, d_last = d_last_b && d_last_x;
    wire d_group = draining && d_last, freed = d_group && {1'b0, done} + WB >= total;
    wire d_end_row = d_row + 1 == row_tiles, d_end_col = d_col + 1 == col_tiles;
    agu_legs #(M, ND, DW, AW, LB) u_row (.clk, .load(go || (freed && d_end_row)), .step(freed), .words(legs[3*GRP*32 +: GRP*32]), .a(row_a), .k(row_k));
    agu_legs #(P, ND, DW, AW, LB) u_col (.clk, .load(go || (freed && d_end_row && d_end_col)), .step(freed && d_end_row), .words(legs[4*GRP*32 +: GRP*32]),
                                        .a(col_a), .k(col_k));
    agu_legs #(1, ND, DW, AW, LB) u_over (.clk, .load(go), .step(freed && d_end_row && d_end_col), .words(legs[5*GRP*32 +: GRP*32]), .a(over_a), .k(over_k));
    generate for (g = 0; g < WB; g = g + 1) begin : slot
        wire [16:0] i = done + g[16:0], n = by_column ? {8'd0, dr} : {8'd0, dc}, major = n == 0 ? 17'd0 : i / n, minor = n == 0 ? 17'd0 : i % n;
        wire [7:0] r = by_column ? minor[7:0] : major[7:0], c = by_column ? major[7:0] : minor[7:0];
        wire [LW-1:0] w, at_line = w + dst_base;
        assign d_valid[g] = {1'b0, i} < total;
        assign d_at[g*16 +: 16] = c * M + {8'd0, r};
        bank_map #(AW, LB) map (f_out, over_a + row_a[r*AW +: AW] + col_a[c*AW +: AW],
                                over_k + row_k[r*LB +: LB] + col_k[c*LB +: LB], d_bank[g*LB +: LB], w);
        assign d_line[g*(LW+1) +: LW+1] = {dst, at_line}, d_away[g] = at_line >= out_end;
    end endgenerate
    arbiter #(WB, LB, LW+1) arb_w (d_want & ~d_away, d_bank, d_line, d_go, d_en, d_lines, d_last_b, {B{1'b0}});
    channels #(WB, XW, SB) chan_w (d_want & d_away, dx_go, dx_slot, d_last_x);

    // ---- control
    assign ended = run && !more && !busy && state[!out] == FREE && freed;
    always @(posedge clk)
        if (go) begin
            k <= 0; row <= 0; col <= 0; out_i <= 0; more <= 1; cur <= 0; open <= 0;
            out <= 0; done <= 0; d_open <= 0; d_row <= 0; d_col <= 0;
            state[0] <= FREE; state[1] <= FREE;
        end else if (run) begin
            if (busy && !hold) begin open <= !issue; left <= want & ~lane_go & ~x_go; end
            if (take) begin nr_of[cur] <= nr; nc_of[cur] <= nc; state[cur] <= COMPUTING; end
            if (issue) k <= end_k ? 0 : k + 1;
            if (finish) begin
                state[cur] <= FULL; cur <= !cur;
                row <= end_row ? 0 : row + 1;
                if (end_row) col <= end_col ? 0 : col + 1;
                if (end_row && end_col) out_i <= out_i + 1;
                if (end_row && end_col && end_out) more <= 0;
            end
            if (draining) begin
                d_open <= !d_last; d_left <= d_want & ~d_go & ~dx_go;
                if (state[out] == FULL) state[out] <= DRAINING;
                if (d_group) done <= done + WB[16:0];
                if (freed) begin
                    state[out] <= FREE; out <= !out; done <= 0;
                    d_row <= d_end_row ? 0 : d_row + 1;
                    if (d_end_row) d_col <= d_end_col ? 0 : d_col + 1;
                end
            end
        end

    // ---- operands: bank to lane when the word comes; EX more cycles where the write port is so far behind
    localparam EX = PIPE > 4 ? PIPE - 4 : 0;
    reg [P-1:0] go1, x_go1; reg [P*LB-1:0] bank1; reg [P*SB-1:0] x_slot1; reg src1;
    reg [P*16-1:0] x; reg [16*M-1:0] w;
    always @(posedge clk) begin
        go1 <= lane_go; x_go1 <= x_go; bank1 <= bank; x_slot1 <= x_slot; src1 <= src && ONE == 0; w <= w_q;
        for (l = 0; l < P; l = l + 1)
            if (go1[l]) x[l*16 +: 16] <= q[{src1, bank1[l*LB +: LB]}*16 +: 16];
            else if (x_go1[l]) x[l*16 +: 16] <= xr_q[x_slot1[l*SB +: SB]*16 +: 16];
    end
    wire m_x, first_x, set_x; wire [4:0] shift_x; wire [P*16-1:0] x_x; wire [16*M-1:0] w_x;
    delay #(EX, P*16 + 16*M) d_words (clk, rst, {x, w}, {x_x, w_x});
    delay #(EX + 2, 8) d_issue (clk, rst, {issue, k == 0, cur, acc_shift}, {m_x, first_x, set_x, shift_x});
    wire [P*M*ACC-1:0] acc0, acc1;
    generate for (g = 0; g < P; g = g + 1) begin : pes
        pe #(M, ACC) u (clk, m_x, first_x, set_x, shift_x, w_x, x_x[g*16 +: 16], acc0[g*M*ACC +: M*ACC], acc1[g*M*ACC +: M*ACC]);
    end endgenerate

    // ---- write port: what the front end decided, PIPE cycles later
    wire [WB-1:0] p_go, px_go; wire [WB*SB-1:0] px_slot; wire [B-1:0] p_en; wire [WB*LB-1:0] p_bank; wire [WB*(LW+1)-1:0] p_line; wire [WB*16-1:0] p_at;
    wire p_set, p_dst; wire [5:0] p_shift;
    delay #(PIPE, WB*(19+SB+LB+LW) + B + 8) d_write (clk, rst, {dx_go, dx_slot, d_go, d_en, d_bank, d_line, d_at, out, dst && ONE == 0, out_shift},
                                                  {px_go, px_slot, p_go, p_en, p_bank, p_line, p_at, p_set, p_dst, p_shift});
    assign w_banks = p_en;
    wire [WB*16-1:0] word;
    generate for (g = 0; g < WB; g = g + 1) begin : leave
        wire [15:0] i = p_at[g*16 +: 16];
        wire [ACC-1:0] a = p_set ? acc1[i*ACC +: ACC] : acc0[i*ACC +: ACC];
        rounder #(ACC) u (a, p_shift, word[g*16 +: 16]);
    end endgenerate
    integer e; reg [LB:0] port; reg [SB-1:0] ws;
    always @* begin
        w_en = 0; w_line = 0; w_d = 0; port = 0; xw_en = 0; xw_at = 0; xw_d = 0; ws = 0;
        for (e = 0; e < WB; e = e + 1)
            if (p_go[e]) begin
                port = {p_dst, p_bank[e*LB +: LB]};
                w_en[port] = 1; w_line[port*(LW+1) +: LW+1] = p_line[e*(LW+1) +: LW+1]; w_d[port*16 +: 16] = word[e*16 +: 16];
            end else if (px_go[e]) begin
                ws = px_slot[e*SB +: SB];
                xw_en[ws] = 1; xw_at[ws*(AW+1) +: AW+1] = {p_line[e*(LW+1) +: LW+1], p_bank[e*LB +: LB]}; xw_d[ws*16 +: 16] = word[e*16 +: 16];
            end
    end
endmodule
