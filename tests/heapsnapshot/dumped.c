/* dumped FILE: what lib/dump makes of a heap snapshot, in the JSON of devtools.ts. Exits with 1 and
 * the reason when it makes nothing of it. */
#include "dump/dump.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\')
            printf("\\u%04x", (unsigned char)*text);
        else
            putchar(*text);
    putchar('"');
}

/* Classes one by one, as the nodes have them: who reads it counts. */
static void put_nodes(const struct mw_dump *dump)
{
    struct mw_dump_node node;

    printf("\"retained\": {");
    for (uint32_t i = 0; mw_dump_get_node(dump, i, &node); i++)
        printf("%s\"%u\": %llu", i ? ", " : "", node.id, (unsigned long long)node.retained);
    printf("}, \"names\": [");
    for (uint32_t i = 0; mw_dump_get_node(dump, i, &node); i++) {
        fputs(i ? ", " : "", stdout);
        put_text(node.class_name);
    }
    printf("]");
}

int main(int argc, char **argv)
{
    char why[MW_DUMP_WHY_MAX] = "dumped FILE";
    struct mw_dump_totals totals;
    struct mw_dump *dump;
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || mw_dump_read(fd, &dump, why) < 0) {
        fprintf(stderr, "%s\n", why);
        return EXIT_FAILURE;
    }
    mw_dump_get_totals(dump, &totals);
    printf("{\"nodes\": %u, \"edges\": %u, \"unreachable\": %u, \"size\": %llu, ", totals.nodes,
           totals.edges, totals.unreachable, (unsigned long long)totals.bytes);
    put_nodes(dump);
    printf("}\n");
    mw_dump_destroy(dump);
    return EXIT_SUCCESS;
}
