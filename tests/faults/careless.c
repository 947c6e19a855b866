/* faults/careless.c - a program that does wrong what the tests of this folder look for; tests/faults/selftest shows that they see it.
 *
 *   careless HOW INPUT OUTPUT: copies a file. HOW: crash, silent, partial */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    enum { PIECE = 512 };
    const char *how = argc == 4 ? argv[1] : "";
    FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL, *out = in ? fopen(argv[3], "wb") : NULL;
    if (!out) {
        fprintf(stderr, "fdht careless: no file\n");
        return 1;
    }
    setvbuf(out, NULL, _IONBF, 0);
    for (;;) {
        char *piece = malloc(PIECE);
        if (!piece && strcmp(how, "crash")) {
            fprintf(stderr, "fdht careless: out of memory\n");
            if (!strcmp(how, "silent"))
                return 0;
            return 5; /* partial: and the output stays as it is */
        }
        size_t n = fread(piece, 1, PIECE, in); /* crash: also without memory */
        if (!n)
            return 0;
        fwrite(piece, 1, n, out); /* whether it could or not */
        memset(piece, 0, PIECE);
        free(piece);
    }
}
