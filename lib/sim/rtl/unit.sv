// unit.sv - the LSTM unit: ticks of LL hidden units. A tick reads one gate of a group, its words of z_x and z_h, and writes h of the
// group whose last gate was read LAT ticks before. A port that the array does not take serves one word of the tick in a cycle, one
// of h before one of z_x before one of z_h; the tick ends with its last word. What comes out of the tables goes on by itself, since a
// tick is never shorter than a cycle, and waits in `ring` until its tick.
module unit #(parameter LL = 16, LAT = 8, LB = 5, AW = 19, ND = 8, DW = 13, CG = 64, ONE = 0, B2 = 2 << LB, LW = AW - LB) (
    input clk, input rst, input start, // the job begins with the next edge
    input [16*32-1:0] head, input [6*(2+3*ND)*32-1:0] legs, input [LW-1:0] zx_base, input [LW-1:0] zh_base, input [LW-1:0] h_base,
    input [15:0] clip, input first, // its first group of c; the clip begins: c is 0
    output reg busy, output done,
    input [B2-1:0] taken, output [B2-1:0] en, output reg [B2-1:0] we, output [B2*(LW+1)-1:0] at, output reg [B2*16-1:0] d,
    input [B2*16-1:0] q);
    localparam GRP = 2 + 3*ND;
    wire [31:0] units = head[1*32 +: 32], groups = head[5*32 +: 32];
    wire zx_buf = head[2*32], zh_buf = head[3*32], h_buf = head[4*32];
    wire [1:0] f_zx = head[11*32 +: 2], f_zh = head[12*32 +: 2], f_h = head[13*32 +: 2];
    wire [3:0] z_shift = head[14*32 +: 4], c_frac = head[15*32 +: 4];

    // ---- ticks
    reg [15:0] group, written, clip_r; reg [1:0] gate; reg open; reg [LAT:1] due;
    reg [LW-1:0] zx_r, zh_r, h_r; reg first_r;
    reg [3*LL-1:0] left, full;
    wire reading = busy && {16'd0, group} < groups, writing = busy && due[LAT];
    integer i;
    always @* for (i = 0; i < LL; i = i + 1) begin
        full[i] = writing && written * LL + i < units;
        full[LL+i] = reading && group * LL + i < units;
        full[2*LL+i] = full[LL+i];
    end
    wire [3*LL-1:0] want = !busy ? {3*LL{1'b0}} : open ? left : full, word_go;
    wire [3*LL*(LB+1)-1:0] port; wire [3*LL*(LW+1)-1:0] line; wire last;
    arbiter #(3*LL, LB+1, LW+1) arb (want, port, line, word_go, en, at, last, taken);
    wire tick = busy && last, end_gates = tick && reading && gate == 3;
    assign done = tick && writing && {16'd0, written} + 1 == groups;
    wire [AW-1:0] gx_a, gh_a; wire [LB-1:0] gx_k, gh_k; wire [LL*AW-1:0] ux_a, uh_a, h_a; wire [LL*LB-1:0] ux_k, uh_k, h_k;
    agu_legs #(1, ND, DW, AW, LB) u_gx (.clk, .load(start || end_gates), .step(tick && reading), .words(legs[0*GRP*32 +: GRP*32]), .a(gx_a), .k(gx_k));
    agu_legs #(LL, ND, DW, AW, LB) u_ux (.clk, .load(start), .step(end_gates), .words(legs[1*GRP*32 +: GRP*32]), .a(ux_a), .k(ux_k));
    agu_legs #(1, ND, DW, AW, LB) u_gh (.clk, .load(start || end_gates), .step(tick && reading), .words(legs[2*GRP*32 +: GRP*32]), .a(gh_a), .k(gh_k));
    agu_legs #(LL, ND, DW, AW, LB) u_uh (.clk, .load(start), .step(end_gates), .words(legs[3*GRP*32 +: GRP*32]), .a(uh_a), .k(uh_k));
    agu_legs #(LL, ND, DW, AW, LB) u_h (.clk, .load(start), .step(tick && writing), .words(legs[4*GRP*32 +: GRP*32]), .a(h_a), .k(h_k));
    genvar g;
    generate for (g = 0; g < LL; g = g + 1) begin : place
        wire [LB-1:0] bh, bx, bz; wire [LW-1:0] lh, lx, lz;
        bank_map #(AW, LB) mh (f_h, h_a[g*AW +: AW], h_k[g*LB +: LB], bh, lh);
        bank_map #(AW, LB) mx (f_zx, gx_a + ux_a[g*AW +: AW], gx_k + ux_k[g*LB +: LB], bx, lx);
        bank_map #(AW, LB) mz (f_zh, gh_a + uh_a[g*AW +: AW], gh_k + uh_k[g*LB +: LB], bz, lz);
        assign port[g*(LB+1) +: LB+1] = {h_buf && ONE == 0, bh}, line[g*(LW+1) +: LW+1] = {h_buf, lh + h_r};
        assign port[(LL+g)*(LB+1) +: LB+1] = {zx_buf && ONE == 0, bx}, line[(LL+g)*(LW+1) +: LW+1] = {zx_buf, lx + zx_r};
        assign port[(2*LL+g)*(LB+1) +: LB+1] = {zh_buf && ONE == 0, bz}, line[(2*LL+g)*(LW+1) +: LW+1] = {zh_buf, lz + zh_r};
    end endgenerate
    always @(posedge clk)
        if (rst) busy <= 0;
        else if (start) begin
            busy <= 1; group <= 0; gate <= 0; written <= 0; open <= 0; due <= 0;
            clip_r <= clip; first_r <= first; zx_r <= zx_base; zh_r <= zh_base; h_r <= h_base;
        end else if (busy) begin
            open <= !tick; left <= want & ~word_go;
            if (tick) begin
                due <= {due[LAT-1:1], reading && gate == 3};
                if (reading) gate <= gate + 1;
                if (end_gates) group <= group + 1;
                if (writing) written <= written + 1;
            end
            if (done) busy <= 0;
        end

    // ---- words that come; last gate of a group: tick ends in cycle 0, q in 1, sum in 2, c in 6, h in 8
    reg [2*LL-1:0] go1; reg [2*LL*(LB+1)-1:0] port1; reg [LL*16-1:0] zx, zh, b_q, bias; reg in1, in2; reg [1:0] gate1, gate2;
    reg [LL*16-1:0] bmem [0:4*CG-1]; reg [15:0] tables [0:513]; reg [LL*16-1:0] cmem [0:CG-1];
    integer w;
    always @(posedge clk) begin
        go1 <= word_go[3*LL-1:LL]; port1 <= port[3*LL*(LB+1)-1:LL*(LB+1)];
        for (w = 0; w < LL; w = w + 1) begin
            if (go1[w]) zx[w*16 +: 16] <= q[port1[w*(LB+1) +: LB+1]*16 +: 16];
            if (go1[LL+w]) zh[w*16 +: 16] <= q[port1[(LL+w)*(LB+1) +: LB+1]*16 +: 16];
        end
        b_q <= bmem[gate * groups + {16'd0, group}]; bias <= b_q;
        in1 <= tick && reading && !rst; in2 <= in1; gate1 <= gate; gate2 <= gate1;
    end
    wire [15:0] cat5, cat6, grp8; wire last5, last6, last8;
    delay #(5, 17) d_c (clk, rst, {end_gates, clip_r + group}, {last5, cat5});
    delay #(1, 17) d_cat (clk, rst, {last5, cat5}, {last6, cat6});
    delay #(8, 17) d_h (clk, rst, {end_gates, group}, {last8, grp8});
    wire [LL*16-1:0] c_old = first_r ? {LL*16{1'b0}} : cmem[cat5], c_word, h_word;
    generate for (g = 0; g < LL; g = g + 1) begin : lane
        wire [7:0] ta, ct; wire tn;
        lstm_lane u (.clk, .in(in2), .gate(gate2), .z_shift, .c_frac, .zx(zx[g*16 +: 16]), .zh(zh[g*16 +: 16]), .bias(bias[g*16 +: 16]),
                     .c_old(c_old[g*16 +: 16]), .c(c_word[g*16 +: 16]), .h(h_word[g*16 +: 16]), .at(ta), .at_tanh(tn),
                     .t0(tables[(tn ? 257 : 0) + ta]), .t1(tables[(tn ? 258 : 1) + ta]), .ct, .c0(tables[257 + ct]), .c1(tables[258 + ct]));
    end endgenerate
    always @(posedge clk) if (last6) cmem[cat6] <= c_word;

    // ---- h, in its tick
    localparam RB = $clog2(LAT / 4 + 2);
    reg [LL*16-1:0] ring [0:(1<<RB)-1];
    always @(posedge clk) if (last8) ring[grp8[RB-1:0]] <= h_word;
    wire [LL*16-1:0] h = last8 && grp8 == written ? h_word : ring[written[RB-1:0]];
    integer e;
    always @* begin
        we = 0; d = 0;
        for (e = 0; e < LL; e = e + 1)
            if (word_go[e]) begin we[port[e*(LB+1) +: LB+1]] = 1; d[port[e*(LB+1) +: LB+1]*16 +: 16] = h[e*16 +: 16]; end
    end
endmodule
