/* Prints the trace of a heap that did collections of all kinds, as text, for test_trace.py. */
#include "heap/heap.h"

#include <stdio.h>

enum { NODES = 60000 };

static void print(void *context, const struct mw_heap_collection *collection)
{
    char line[MW_TRACE_LINE_MAX];

    mw_heap_format_trace(*(struct mw_heap **)context, collection, MW_TRACE_TEXT, line);
    puts(line);
}

static void make_list(struct mw_heap *heap, const struct mw_heap_type *node)
{
    MW_SCOPE(scope, heap);
    struct mw_ref list = mw_heap_new(heap, node);

    for (int i = 0; i < NODES; i++) {
        MW_SCOPE(inner, heap);
        struct mw_ref next = mw_heap_new(heap, node);

        mw_heap_set(heap, next, 0, list);
        mw_heap_assign(heap, list, next);
    }
}

int main(void)
{
    static const struct mw_heap_field fields[] = {{"next", 0}};
    const struct mw_heap_type_info info = {"Node", MW_KIND_FIXED, 6, fields, 1, NULL};
    const struct mw_heap_type *node = NULL;
    struct mw_heap *heap = NULL;
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.semi_space = config.semi_space_max = 256 * 1024;
    config.context = &heap;
    config.collected = print;
    if (mw_heap_create(&config, &heap) < 0 || mw_heap_add_type(heap, &info, &node) < 0)
        return 1;
    for (int i = 0; i < 4; i++)
        make_list(heap, node);
    for (int i = 0; i < 100; i++)
        mw_heap_step(heap, 1000);
    mw_heap_collect(heap, MW_COLLECT_MAJOR);
    mw_heap_destroy(heap);
    return 0;
}
