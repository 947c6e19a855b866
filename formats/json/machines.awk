# machines.awk FILE.json .. - the C source of fdht_machine_texts: each file is a row, named as the file, line by line.
BEGIN {
    print "/* Made by machines.awk from the built-in machines. */\n#include \"json/machines.h\"\n#include <stddef.h>\n"
    print "const fdht_machine_text fdht_machine_texts[] = {"
}
FNR == 1 {
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.json$/, "", name)
    if (NR > 1)
        print "    },"
    print "    {\"" name "\","
}
{
    gsub(/\\/, "&&")
    gsub(/"/, "\\\"")
    print "     \"" $0 "\\n\""
}
END {
    print "    },\n    {NULL, NULL}};"
}
