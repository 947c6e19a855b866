// loader.sv - weights from the host: RW words a cycle, packed into lines of M words from line 0 on. The host shows the words from word
// `at` of its weights on.
module loader #(parameter RW = 4, M = 16) (
    input clk, input rst, input start, // this is the first cycle of `words` words, whole lines, from word `from` of the host's on
    input [31:0] from, input [31:0] words,
    output [31:0] at, output busy, input [RW*16-1:0] in, output w_en, output [31:0] w_line, output [M*16-1:0] w);
    reg more; reg [31:0] from_r, words_r, done_r, line_r; reg [8:0] have_r; // have: words of the line under way, below M
    reg [2*M*16-1:0] hold_r;
    wire [31:0] done = start ? 0 : done_r, rest = (start ? words : words_r) - done;
    wire [8:0] n = rest < RW ? rest[8:0] : RW[8:0], have = start ? 9'd0 : have_r, sum = have + n;
    wire [2*M*16-1:0] next = (start ? {2*M*16{1'b0}} : hold_r) | ({{(2*M-RW)*16{1'b0}}, in} << {have, 4'd0});
    assign busy = start || more, at = (start ? from : from_r) + done;
    assign w_en = busy && sum >= M, w = next[M*16-1:0], w_line = start ? 0 : line_r;
    always @(posedge clk)
        if (rst) more <= 0;
        else if (busy) begin
            more <= rest > RW; from_r <= start ? from : from_r; words_r <= start ? words : words_r;
            done_r <= done + {23'd0, n}; line_r <= w_line + {31'd0, w_en};
            have_r <= w_en ? sum - M[8:0] : sum;
            hold_r <= w_en ? next >> (M*16) : next;
        end
endmodule
