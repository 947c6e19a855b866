// loader.sv - weights from the host: RW words a cycle, packed into lines of M words from line 0 on. The host shows the words from word
// `at` of its weights on.
module loader #(parameter RW = 4, M = 16) (
    input clk, input rst, input start, // with the next edge
    input [31:0] from, input [31:0] words, // first of the host's, how many: whole lines
    output [31:0] at, output reg busy, input [RW*16-1:0] in, output w_en, output reg [31:0] w_line, output [M*16-1:0] w);
    reg [31:0] from_r, words_r, done; reg [8:0] have; // have: words of the line under way, below M
    reg [2*M*16-1:0] hold;
    wire [31:0] rest = words_r - done;
    wire [8:0] n = rest < RW ? rest[8:0] : RW[8:0], sum = have + n;
    wire [2*M*16-1:0] next = hold | ({{(2*M-RW)*16{1'b0}}, in} << {have, 4'd0});
    assign at = from_r + done, w_en = busy && sum >= M, w = next[M*16-1:0];
    always @(posedge clk)
        if (rst) busy <= 0;
        else if (start) begin
            busy <= words != 0; from_r <= from; words_r <= words; done <= 0; have <= 0; hold <= 0; w_line <= 0;
        end else if (busy) begin
            done <= done + {23'd0, n};
            have <= w_en ? sum - M[8:0] : sum;
            hold <= w_en ? next >> (M*16) : next;
            if (w_en) w_line <= w_line + 1;
            if (rest <= RW) busy <= 0;
        end
endmodule
