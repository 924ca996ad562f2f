/* containers: a cache, a queue and a table of texts, and what they tell about themselves. */
#include <memwatch/store/store.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct parts {
    struct mw_heap *heap;
    struct mw_store *store;
    struct mw_cache *cache;
    struct mw_queue *queue;
    struct mw_intern *names;
};

static int create(struct parts *self)
{
    const struct mw_cache_config cache = {MW_CACHE_LRU, 2, 1000};
    const struct mw_queue_config queue = {2, 2, 0};
    struct mw_heap_config config;
    int error;

    mw_heap_config_default(&config);
    error = mw_heap_create(&config, &self->heap);
    if (error == 0)
        error = mw_store_create(self->heap, &self->store);
    if (error == 0)
        error = mw_cache_create(self->store, &cache, &self->cache);
    if (error == 0)
        error = mw_queue_create(self->store, &queue, &self->queue);
    if (error == 0)
        error = mw_intern_create(self->store, 100, &self->names);
    return error;
}

static void destroy(struct parts *self)
{
    mw_intern_destroy(self->names);
    mw_queue_destroy(self->queue);
    mw_cache_destroy(self->cache);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
}

static struct mw_ref name(struct parts *self, const char *text)
{
    struct mw_ref ref = mw_ref_none();

    mw_intern_get(self->names, text, strlen(text), &ref);
    return ref;
}

static void use(struct parts *self)
{
    struct mw_scope scope = mw_scope_open(self->heap);
    struct mw_ref a, b;

    mw_cache_set(self->cache, "a", 1, name(self, "nginx"), 5);
    mw_cache_set(self->cache, "b", 1, name(self, "nginx"), 5);
    a = mw_cache_get(self->cache, "a", 1);
    b = mw_cache_get(self->cache, "b", 1); /* used last: "a" goes first */
    printf("one object: %d\n", mw_heap_same(self->heap, a, b));
    mw_cache_set(self->cache, "c", 1, name(self, "postgres"), 8);
    printf("evicted: %d\n", mw_ref_is_none(mw_cache_get(self->cache, "a", 1)));
    mw_queue_write(self->queue, name(self, "first"), 1000, 0);
    mw_queue_write(self->queue, name(self, "second"), 1000, 0);
    printf("full: %d\n", mw_queue_write(self->queue, name(self, "third"), 1000, 5000) == -EAGAIN);
    printf("late: %d\n",
           mw_queue_write(self->queue, name(self, "third"), 5000, 5000) == -ETIMEDOUT);
    mw_scope_close(&scope);
}

static void show(const struct mw_store_row *row)
{
    printf("%s:", row->kind);
    for (size_t i = 0; i < row->count; i++)
        if (!row->numbers[i].absent)
            printf(" %s=%g", row->numbers[i].key, row->numbers[i].value);
    printf("\n");
}

int main(void)
{
    struct parts parts = {NULL, NULL, NULL, NULL, NULL};
    struct mw_store_row row;
    int error = create(&parts);

    if (error == 0) {
        use(&parts);
        mw_cache_get_row(parts.cache, &row);
        show(&row);
        mw_queue_get_row(parts.queue, 2001000, &row);
        show(&row);
        mw_intern_get_row(parts.names, &row);
        show(&row);
    }
    destroy(&parts);
    return error != 0;
}
