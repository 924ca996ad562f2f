/* history: an hour of a program's size in a few kilobytes, read back by quarters of an hour. The
 * size is made up, so that everybody sees the same: it grows by a page every ten seconds. */
#include <memwatch/store/store.h>

#include <inttypes.h>
#include <stdio.h>

enum { DENIED = 1 }; /* this program's word for why there is no number; the ring keeps any */

static int fill(struct mw_ring *ring)
{
    const uint8_t denied = DENIED;
    int error = 0;

    for (int64_t second = 0; second < 3600 && error == 0; second++) {
        union mw_ring_number size;

        size.u = (uint64_t)(1000 + second / 10) * 4096;
        error = mw_ring_append(ring, second, &size, second < 900 ? NULL : &denied);
        if (second == 1799)
            second = 2699; /* nobody looked for a quarter of an hour */
    }
    return error;
}

static void show(const struct mw_ring *ring)
{
    static struct mw_ring_cursor cursor;
    struct mw_ring_step quarter;

    mw_ring_cursor_init(&cursor, ring, 0, 0, 3600);
    while (mw_ring_cursor_step(&cursor, 900, &quarter) == 1)
        if (quarter.count > 0)
            printf("%" PRId64 " %" PRIu64 " %.0f %" PRIu64 "\n", quarter.time, quarter.min.u,
                   quarter.mean, quarter.max.u);
        else
            printf("%" PRId64 " %s\n", quarter.time, quarter.reason == DENIED ? "denied" : "gap");
}

int main(void)
{
    static const enum mw_ring_form form = MW_RING_U64;
    const struct mw_ring_config config = {&form, 1, 256, 3600, 64 * 1024};
    struct mw_heap_config heap_config;
    struct mw_heap *heap = NULL;
    struct mw_store *store = NULL;
    struct mw_ring *ring = NULL;
    int error;

    mw_heap_config_default(&heap_config);
    error = mw_heap_create(&heap_config, &heap);
    if (error == 0)
        error = mw_store_create(heap, &store);
    if (error == 0)
        error = mw_ring_create(store, &config, &ring);
    if (error == 0)
        error = fill(ring);
    if (error == 0)
        show(ring);
    mw_ring_destroy(ring);
    mw_store_destroy(store);
    mw_heap_destroy(heap);
    return error != 0;
}
