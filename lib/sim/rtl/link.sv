// link.sv - the link to the host: IW words of an input vector a cycle into buffer 0, in their order. A port that neither array nor LSTM
// unit takes serves one word of the group in a cycle; the host shows the next group when the last word of this one is in.
module link #(parameter IW = 4, LB = 5, AW = 19, ND = 8, DW = 13, B2 = 2 << LB, LW = AW - LB) (
    input clk, input rst, input start, // a vector begins with the next edge
    input [16*32-1:0] head, input [6*(2+3*ND)*32-1:0] legs, input [LW-1:0] base,
    output reg busy, output done,
    input [IW*16-1:0] in, output [31:0] in_take, // how many of the words at hand are in with this cycle
    input [B2-1:0] taken, output [B2-1:0] en, output [B2*(LW+1)-1:0] at, output reg [B2*16-1:0] d);
    localparam GRP = 2 + 3*ND;
    wire [31:0] words = head[1*32 +: 32];
    wire [1:0] f = head[11*32 +: 2];
    reg [31:0] first; reg open; reg [IW-1:0] left, full; reg [LW-1:0] base_r;
    wire [IW*AW-1:0] a; wire [IW*LB-1:0] k; wire [IW*(LB+1)-1:0] port; wire [IW*(LW+1)-1:0] line; wire [IW-1:0] word_go; wire last;
    wire [31:0] rest = words - first, n = rest < IW ? rest : IW;
    integer i;
    always @* for (i = 0; i < IW; i = i + 1) full[i] = i < n;
    wire [IW-1:0] want = !busy ? {IW{1'b0}} : open ? left : full;
    wire end_group = busy && last;
    assign done = end_group && rest <= IW, in_take = end_group ? n : 0;
    agu_legs #(IW, ND, DW, AW, LB) u_x (.clk, .load(start), .step(end_group), .words(legs[0*GRP*32 +: GRP*32]), .a(a), .k(k));
    genvar g;
    generate for (g = 0; g < IW; g = g + 1) begin : place
        wire [LB-1:0] b; wire [LW-1:0] l;
        bank_map #(AW, LB) map (f, a[g*AW +: AW], k[g*LB +: LB], b, l);
        assign port[g*(LB+1) +: LB+1] = {1'b0, b}, line[g*(LW+1) +: LW+1] = {1'b0, l + base_r};
    end endgenerate
    arbiter #(IW, LB+1, LW+1) arb (want, port, line, word_go, en, at, last, taken);
    integer e;
    always @* begin
        d = 0;
        for (e = 0; e < IW; e = e + 1)
            if (word_go[e]) d[port[e*(LB+1) +: LB+1]*16 +: 16] = in[e*16 +: 16];
    end
    always @(posedge clk)
        if (rst) busy <= 0;
        else if (start) begin
            busy <= 1; first <= 0; open <= 0; base_r <= base;
        end else if (busy) begin
            open <= !end_group; left <= want & ~word_go;
            if (end_group) first <= first + n;
            if (done) busy <= 0;
        end
endmodule
