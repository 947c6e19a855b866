// array.sv - one stage: tiles of M rows by P columns, one inner index a cycle; two sets of accumulators, one computes while the
// other drains WB words a cycle. Issue and drain are decided at the front end; reads leave at once, the write port follows
// PIPE cycles later.
//
// A port is a bank of a memory: {buffer, bank}, or with one memory bank alone. Its address is {buffer, line}.

`define FDHT_LEGS(i) .ext(ext[(i)*ND*DW +: ND*DW]), .unit_a(unit_a[(i)*AW +: AW]), .unit_k(unit_k[(i)*LB +: LB]), \
                     .corr_a(corr_a[(i)*ND*AW +: ND*AW]), .corr_k(corr_k[(i)*ND*LB +: ND*LB])

// The words of six groups of legs as the address generators take them.
module legs_of #(parameter LB = 5, AW = 19, ND = 8, DW = 13) (
    input [6*(2+3*ND)*32-1:0] words,
    output reg [6*AW-1:0] unit_a, output reg [6*LB-1:0] unit_k, output reg [6*ND*DW-1:0] ext, output reg [6*ND*AW-1:0] corr_a,
    output reg [6*ND*LB-1:0] corr_k);
    localparam GRP = 2 + 3*ND;
    integer i, d;
    always @* for (i = 0; i < 6; i = i + 1) begin
        unit_a[i*AW +: AW] = words[i*GRP*32 +: AW];
        unit_k[i*LB +: LB] = words[(i*GRP+1)*32 +: LB];
        for (d = 0; d < ND; d = d + 1) begin
            ext[(i*ND+d)*DW +: DW] = words[(i*GRP+2+3*d)*32 +: DW];
            corr_a[(i*ND+d)*AW +: AW] = words[(i*GRP+3+3*d)*32 +: AW];
            corr_k[(i*ND+d)*LB +: LB] = words[(i*GRP+4+3*d)*32 +: LB];
        end
    end
endmodule

module array #(parameter P = 16, M = 16, LB = 5, WB = 32, AW = 19, ND = 8, DW = 13, PIPE = 4, ACC = 24, ONE = 0,
               B2 = 2 << LB, LW = AW - LB) (
    input clk, input rst,
    input go, // the stage begins with the next edge
    input run, // a cycle of it
    input [16*32-1:0] head, input [6*(2+3*ND)*32-1:0] legs, // legs: of the stage that begins, if go
    input src, input dst, input [LW-1:0] src_base, input [LW-1:0] dst_base,
    output ended, // its last group leaves the accumulators
    output w_read, output [31:0] w_at, input [16*M-1:0] w_q,
    output [B2-1:0] r_en, output [B2*(LW+1)-1:0] r_at, input [B2*16-1:0] q,
    output reg [B2-1:0] w_en, output reg [B2*(LW+1)-1:0] w_line, output reg [B2*16-1:0] w_d);
    localparam B = 1 << LB;
    wire [31:0] rows = head[1*32 +: 32], inner = head[2*32 +: 32], cols = head[3*32 +: 32], row_tiles = head[4*32 +: 32];
    wire [31:0] col_tiles = head[5*32 +: 32], outer = head[6*32 +: 32], w_base = head[10*32 +: 32];
    wire by_column = head[7*32];
    wire [4:0] acc_shift = head[8*32 +: 5];
    wire [5:0] out_shift = head[9*32 +: 6];
    wire [1:0] f_in = head[11*32 +: 2], f_out = head[12*32 +: 2];
    wire [6*AW-1:0] unit_a; wire [6*LB-1:0] unit_k; wire [6*ND*DW-1:0] ext; wire [6*ND*AW-1:0] corr_a; wire [6*ND*LB-1:0] corr_k;
    legs_of #(LB, AW, ND, DW) u_legs (legs, unit_a, unit_k, ext, corr_a, corr_k);

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
    wire [B-1:0] en, w_banks; wire [B*(LW+1)-1:0] at; wire [P-1:0] lane_go; wire last;
    wire hold = ONE != 0 && |(banks & w_banks); // a write takes one of them
    wire [P-1:0] want = !busy || hold ? {P{1'b0}} : open ? left : lanes;
    integer l;
    always @* begin
        banks = 0;
        for (l = 0; l < P; l = l + 1) begin
            lanes[l] = l[8:0] < nc;
            if (l[8:0] < nc) banks[bank[l*LB +: LB]] = 1;
        end
    end
    wire issue = busy && !hold && last, end_k = k + 1 == inner, finish = issue && end_k;
    wire end_row = row + 1 == row_tiles, end_col = col + 1 == col_tiles, end_out = out_i + 1 == outer;
    agu_vec #(1, ND, DW, AW, LB) u_in (.clk, .load(go || finish), .step(issue), `FDHT_LEGS(0), .a(in_a), .k(in_k));
    agu_vec #(P, ND, DW, AW, LB) u_lane (.clk, .load(go || (finish && end_row && end_col)), .step(finish && end_row), `FDHT_LEGS(1),
                                         .a(lane_a), .k(lane_k));
    agu_vec #(1, ND, DW, AW, LB) u_up (.clk, .load(go), .step(finish && end_row && end_col), `FDHT_LEGS(2), .a(up_a), .k(up_k));
    genvar g;
    generate for (g = 0; g < P; g = g + 1) begin : lane
        wire [LW-1:0] n;
        bank_map #(AW, LB) map (f_in, in_a + up_a + lane_a[g*AW +: AW], in_k + up_k + lane_k[g*LB +: LB], bank[g*LB +: LB], n);
        assign line[g*(LW+1) +: LW+1] = {src, n + src_base};
    end endgenerate
    arbiter #(P, LB, LW+1) arb_r (want, bank, line, lane_go, en, at, last, {B{1'b0}});
    assign r_en = ONE != 0 || !src ? {{B{1'b0}}, en} : {en, {B{1'b0}}};
    assign r_at = {at, at};
    assign w_read = issue;
    assign w_at = w_base + row * inner + k;

    // ---- drain: WB words a cycle of the set `out`
    reg out, d_open; reg [16:0] done; reg [WB-1:0] d_left; reg [31:0] d_row, d_col;
    wire draining = run && state[out] >= FULL;
    wire [8:0] dr = nr_of[out], dc = nc_of[out];
    wire [17:0] total = dr * dc;
    wire [M*AW-1:0] row_a; wire [M*LB-1:0] row_k; wire [P*AW-1:0] col_a; wire [P*LB-1:0] col_k; wire [AW-1:0] over_a; wire [LB-1:0] over_k;
    wire [WB-1:0] d_valid, d_go; wire [WB*16-1:0] d_at; wire [WB*LB-1:0] d_bank; wire [WB*(LW+1)-1:0] d_line;
    wire [WB-1:0] d_want = !draining ? {WB{1'b0}} : d_open ? d_left : d_valid;
    wire [B-1:0] d_en; wire [B*(LW+1)-1:0] d_lines; wire d_last;
    wire d_group = draining && d_last, freed = d_group && {1'b0, done} + WB >= total;
    wire d_end_row = d_row + 1 == row_tiles, d_end_col = d_col + 1 == col_tiles;
    agu_vec #(M, ND, DW, AW, LB) u_row (.clk, .load(go || (freed && d_end_row)), .step(freed), `FDHT_LEGS(3), .a(row_a), .k(row_k));
    agu_vec #(P, ND, DW, AW, LB) u_col (.clk, .load(go || (freed && d_end_row && d_end_col)), .step(freed && d_end_row), `FDHT_LEGS(4),
                                        .a(col_a), .k(col_k));
    agu_vec #(1, ND, DW, AW, LB) u_over (.clk, .load(go), .step(freed && d_end_row && d_end_col), `FDHT_LEGS(5), .a(over_a), .k(over_k));
    generate for (g = 0; g < WB; g = g + 1) begin : slot
        wire [16:0] i = done + g[16:0], n = by_column ? {8'd0, dr} : {8'd0, dc}, major = n == 0 ? 17'd0 : i / n, minor = n == 0 ? 17'd0 : i % n;
        wire [7:0] r = by_column ? minor[7:0] : major[7:0], c = by_column ? major[7:0] : minor[7:0];
        wire [LW-1:0] w;
        assign d_valid[g] = {1'b0, i} < total;
        assign d_at[g*16 +: 16] = c * M + {8'd0, r};
        bank_map #(AW, LB) map (f_out, over_a + row_a[r*AW +: AW] + col_a[c*AW +: AW],
                                over_k + row_k[r*LB +: LB] + col_k[c*LB +: LB], d_bank[g*LB +: LB], w);
        assign d_line[g*(LW+1) +: LW+1] = {dst, w + dst_base};
    end endgenerate
    arbiter #(WB, LB, LW+1) arb_w (d_want, d_bank, d_line, d_go, d_en, d_lines, d_last, {B{1'b0}});

    // ---- control
    assign ended = run && !more && !busy && state[!out] == FREE && freed;
    always @(posedge clk)
        if (go) begin
            k <= 0; row <= 0; col <= 0; out_i <= 0; more <= 1; cur <= 0; open <= 0;
            out <= 0; done <= 0; d_open <= 0; d_row <= 0; d_col <= 0;
            state[0] <= FREE; state[1] <= FREE;
        end else if (run) begin
            if (busy && !hold) begin open <= !issue; left <= want & ~lane_go; end
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
                d_open <= !d_last; d_left <= d_want & ~d_go;
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
    reg [P-1:0] go1; reg [P*LB-1:0] bank1; reg src1;
    reg [P*16-1:0] x [0:EX]; reg [16*M-1:0] w [0:EX];
    reg m1, first1, set1; reg [4:0] shift1;
    reg m [0:EX], first [0:EX], set [0:EX]; reg [4:0] shift [0:EX];
    integer s;
    always @(posedge clk) begin
        go1 <= lane_go; bank1 <= bank; src1 <= src && ONE == 0;
        for (l = 0; l < P; l = l + 1)
            if (go1[l]) x[0][l*16 +: 16] <= q[{src1, bank1[l*LB +: LB]}*16 +: 16];
        w[0] <= w_q;
        m1 <= issue && !rst; first1 <= k == 0; set1 <= cur; shift1 <= acc_shift;
        m[0] <= m1; first[0] <= first1; set[0] <= set1; shift[0] <= shift1;
        for (s = 1; s <= EX; s = s + 1) begin
            x[s] <= x[s-1]; w[s] <= w[s-1]; m[s] <= m[s-1]; first[s] <= first[s-1]; set[s] <= set[s-1]; shift[s] <= shift[s-1];
        end
    end
    wire [P*M*ACC-1:0] acc0, acc1;
    generate for (g = 0; g < P; g = g + 1) begin : pes
        pe #(M, ACC) u (clk, m[EX], first[EX], set[EX], shift[EX], w[EX], x[EX][g*16 +: 16], acc0[g*M*ACC +: M*ACC],
                        acc1[g*M*ACC +: M*ACC]);
    end endgenerate

    // ---- write port: what the front end decided, PIPE cycles later
    reg [WB-1:0] p_go [1:PIPE]; reg [WB*LB-1:0] p_bank [1:PIPE]; reg [WB*(LW+1)-1:0] p_line [1:PIPE]; reg [WB*16-1:0] p_at [1:PIPE];
    reg p_set [1:PIPE], p_dst [1:PIPE]; reg [5:0] p_shift [1:PIPE]; reg [B-1:0] p_en [1:PIPE];
    integer t;
    always @(posedge clk) begin
        p_go[1] <= rst ? {WB{1'b0}} : d_go; p_en[1] <= rst ? {B{1'b0}} : d_en; p_bank[1] <= d_bank; p_line[1] <= d_line; p_at[1] <= d_at;
        p_set[1] <= out; p_dst[1] <= dst && ONE == 0; p_shift[1] <= out_shift;
        for (t = 2; t <= PIPE; t = t + 1) begin
            p_go[t] <= rst ? {WB{1'b0}} : p_go[t-1]; p_en[t] <= rst ? {B{1'b0}} : p_en[t-1]; p_bank[t] <= p_bank[t-1];
            p_line[t] <= p_line[t-1]; p_at[t] <= p_at[t-1]; p_set[t] <= p_set[t-1]; p_dst[t] <= p_dst[t-1]; p_shift[t] <= p_shift[t-1];
        end
    end
    assign w_banks = p_en[PIPE];
    wire [WB*16-1:0] word;
    generate for (g = 0; g < WB; g = g + 1) begin : leave
        wire [15:0] i = p_at[PIPE][g*16 +: 16];
        wire [ACC-1:0] a = p_set[PIPE] ? acc1[i*ACC +: ACC] : acc0[i*ACC +: ACC];
        rounder #(ACC) u (a, p_shift[PIPE], word[g*16 +: 16]);
    end endgenerate
    integer e; reg [LB:0] port;
    always @* begin
        w_en = 0; w_line = 0; w_d = 0; port = 0;
        for (e = 0; e < WB; e = e + 1)
            if (p_go[PIPE][e]) begin
                port = {p_dst[PIPE], p_bank[PIPE][e*LB +: LB]};
                w_en[port] = 1; w_line[port*(LW+1) +: LW+1] = p_line[PIPE][e*(LW+1) +: LW+1]; w_d[port*16 +: 16] = word[e*16 +: 16];
            end
    end
endmodule
