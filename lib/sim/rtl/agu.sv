// agu.sv - addresses: counters over legs, bank functions, arbiter of bank ports.

// Addresses of L consecutive indices of a group of legs: mixed-radix counters, no multiplier, no table. Digit 0 is the
// fastest; a carry out of digit d adds corr[d] (stride of the next digit less this digit's span). `load` starts at index 0,
// `step` goes on by L.
module agu_vec #(parameter L = 16, ND = 8, DW = 13, AW = 19, KW = 5) (
    input clk, input load, input step,
    input [ND*DW-1:0] ext, input [AW-1:0] unit_a, input [KW-1:0] unit_k, input [ND*AW-1:0] corr_a, input [ND*KW-1:0] corr_k,
    output reg [L*AW-1:0] a, output reg [L*KW-1:0] k);
    reg [L*ND*DW-1:0] dg, n_dg;
    reg [L*AW-1:0] n_a;
    reg [L*KW-1:0] n_k;
    // f: digits, address and skew of the indices 0..L
    reg [(L+1)*ND*DW-1:0] f_d;
    reg [(L+1)*AW-1:0] f_a;
    reg [(L+1)*KW-1:0] f_k;
    integer l, d, m, e;
    reg c, n_c;
    reg [DW:0] s, n_s;
    always @* begin
        f_d = 0; f_a = 0; f_k = 0;
        for (l = 1; l <= L; l = l + 1) begin
            c = 1;
            f_a[l*AW +: AW] = f_a[(l-1)*AW +: AW] + unit_a;
            f_k[l*KW +: KW] = f_k[(l-1)*KW +: KW] + unit_k;
            for (d = 0; d < ND; d = d + 1) begin
                s = {1'b0, f_d[((l-1)*ND+d)*DW +: DW]} + {{DW{1'b0}}, c};
                c = s >= {1'b0, ext[d*DW +: DW]};
                f_d[(l*ND+d)*DW +: DW] = c ? s[DW-1:0] - ext[d*DW +: DW] : s[DW-1:0];
                if (c) begin
                    f_a[l*AW +: AW] = f_a[l*AW +: AW] + corr_a[d*AW +: AW];
                    f_k[l*KW +: KW] = f_k[l*KW +: KW] + corr_k[d*KW +: KW];
                end
            end
        end
    end
    always @* begin
        n_dg = dg; n_a = a; n_k = k;
        for (m = 0; m < L; m = m + 1) begin
            n_c = 0;
            n_a[m*AW +: AW] = a[m*AW +: AW] + f_a[L*AW +: AW];
            n_k[m*KW +: KW] = k[m*KW +: KW] + f_k[L*KW +: KW];
            for (e = 0; e < ND; e = e + 1) begin
                n_s = {1'b0, dg[(m*ND+e)*DW +: DW]} + {1'b0, f_d[(L*ND+e)*DW +: DW]} + {{DW{1'b0}}, n_c};
                n_c = n_s >= {1'b0, ext[e*DW +: DW]};
                n_dg[(m*ND+e)*DW +: DW] = n_c ? n_s[DW-1:0] - ext[e*DW +: DW] : n_s[DW-1:0];
                if (n_c) begin
                    n_a[m*AW +: AW] = n_a[m*AW +: AW] + corr_a[e*AW +: AW];
                    n_k[m*KW +: KW] = n_k[m*KW +: KW] + corr_k[e*KW +: KW];
                end
            end
        end
    end
    always @(posedge clk)
        if (load) begin
            dg <= f_d[L*ND*DW-1:0]; a <= f_a[L*AW-1:0]; k <= f_k[L*KW-1:0];
        end else if (step) begin
            dg <= n_dg; a <= n_a; k <= n_k;
        end
endmodule

// Address and skew to bank and line: 0 interleave, 1 xor, 2 skew; LB = log2 of the banks.
module bank_map #(parameter AW = 19, LB = 5) (
    input [1:0] f, input [AW-1:0] a, input [LB-1:0] k, output reg [LB-1:0] bank, output [AW-LB-1:0] line);
    integer i;
    reg [AW+LB-1:0] z;
    assign line = a[AW-1:LB];
    always @* begin
        z = {{LB{1'b0}}, a};
        bank = a[LB-1:0];
        if (f == 2'd1)
            for (i = LB; i < AW; i = i + LB) bank = bank ^ z[i +: LB];
        if (f == 2'd2) bank = a[LB-1:0] + k;
    end
endmodule

// Requests of N words in single-port banks: of those that want one bank the first goes, the others wait; none goes to a bank that
// is taken.
module arbiter #(parameter N = 16, LB = 5, LW = 14) (
    input [N-1:0] want, input [N*LB-1:0] bank, input [N*LW-1:0] line,
    output reg [N-1:0] go, output reg [(1<<LB)-1:0] en, output reg [(1<<LB)*LW-1:0] at, output last, input [(1<<LB)-1:0] taken);
    integer i;
    always @* begin
        go = 0; en = 0; at = 0;
        for (i = 0; i < N; i = i + 1)
            if (want[i] && !en[bank[i*LB +: LB]] && !taken[bank[i*LB +: LB]]) begin
                go[i] = 1; en[bank[i*LB +: LB]] = 1; at[bank[i*LB +: LB]*LW +: LW] = line[i*LW +: LW];
            end
    end
    assign last = go == want;
endmodule
