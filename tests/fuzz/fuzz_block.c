/* A block from outside. What mw_block_check() lets through is loaded, and then everything that can
 * be asked of it is asked, by the registry and the sealer too.
 *
 * The check compares layout and counts by equality, so a changed byte is mostly refused at once.
 * Each input is therefore tried twice: as it is, and with its head set right for what follows. */
#include "subject/subject.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touch_rows(const struct mw_block *block)
{
    const struct mw_block_head *head = mw_block_head(block);
    enum mw_reading first = mw_source_first((enum mw_source)head->source);
    uint64_t sum = 0;

    for (uint32_t row = 0; row < head->rows; row++) {
        sum += mw_block_keys(block)[row].id ^ mw_block_keys(block)[row].birth;
        for (uint32_t i = 0; i < head->columns; i++) {
            enum mw_reading reading = (enum mw_reading)(first + i);
            union mw_value value = {.u = 0};

            sum += mw_block_get(block, reading, row, &value);
            sum += value.u + mw_block_column(block, reading)[row].u;
        }
    }
    return sum;
}

static uint64_t touch_events(const struct mw_block *block)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < mw_block_head(block)->events; i++) {
        const struct mw_block_event *event = &mw_block_events(block)[i];
        const char *text = mw_block_text(block) + event->text_offset;

        sum += mw_block_keys(block)[event->row].id;
        for (uint32_t j = 0; j < event->text_size; j++) {
            if (text[j] == '\0')
                abort();
            sum += (unsigned char)text[j];
        }
    }
    return sum;
}

static void follow_on(struct mw_store *store, const struct mw_block *block)
{
    struct mw_subjects *subjects = NULL;
    struct mw_subject subject;

    if (mw_subjects_create(store, &subjects) < 0)
        return;
    for (int turn = 0; turn < 2; turn++) {
        mw_subjects_apply(subjects, block);
        for (uint32_t row = 0; row < mw_block_head(block)->rows; row++)
            if (mw_subjects_at(subjects, block, row, &subject) &&
                (subject.name.bytes == NULL) == (subject.name.absence == MW_PRESENT))
                abort();
        if (mw_subjects_count(subjects) > mw_block_head(block)->rows)
            abort();
    }
    mw_subjects_destroy(subjects);
}

static void follow_subjects(const struct mw_block *block)
{
    struct mw_heap_config config;
    struct mw_heap *heap = NULL;
    struct mw_store *store = NULL;

    mw_heap_config_default(&config);
    config.semi_space = config.semi_space_max = 256 * 1024;
    config.limit = 4 << 20;
    if (mw_heap_create(&config, &heap) == 0 && mw_store_create(heap, &store) == 0)
        follow_on(store, block);
    mw_store_destroy(store);
    mw_heap_destroy(heap);
}

static void seal(struct mw_block *block)
{
    struct mw_sealer *sealer = NULL;
    struct mw_sample *sample = NULL;

    if (mw_sealer_create(&sealer) < 0)
        return;
    mw_sealer_offer(sealer, block, 1);
    if (mw_sealer_seal(sealer, 1, &sample) == 0) {
        for (int i = 0; i < MW_READING_COUNT; i++) {
            union mw_value value;

            if (mw_reading_info((enum mw_reading)i)->source != MW_SOURCE_SUBJECT)
                mw_sample_get(sample, (enum mw_reading)i, 0, &value);
        }
    }
    mw_sample_unref(sample);
    mw_sealer_destroy(sealer);
}

/* A copy of a good block, made by ourselves, is good. */
static void copy(struct mw_block_pool *pool, const struct mw_block *block)
{
    struct mw_block *next = NULL;

    if (mw_block_take(pool, block, mw_block_head(block)->rows + 1, &next) < 0)
        return;
    mw_block_set_time(next, 1, 1, 1);
    if (mw_block_finish(next) == 0 &&
        mw_block_check(mw_block_head(next), mw_block_head(next)->size) < 0)
        abort();
    mw_block_unref(next);
}

static void use(const void *bytes, size_t size)
{
    static volatile uint64_t sink;
    struct mw_block_pool *pool = NULL;
    struct mw_block *block = NULL;
    struct mw_block_head head;

    if (mw_block_check(bytes, size) < 0)
        return;
    memcpy(&head, bytes, sizeof(head));
    if (mw_block_pool_create((enum mw_source)head.source, &pool) < 0)
        return;
    if (mw_block_load(pool, bytes, size, &block) == 0) {
        sink = touch_rows(block) + touch_events(block);
        seal(block);
        copy(pool, block);
        if (head.source == MW_SOURCE_PROCESS)
            follow_subjects(block);
    }
    (void)sink;
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
}

/* Counts as the plain definition says, row by row. */
static void recount(const unsigned char *bytes, struct mw_block_head *head)
{
    const struct mw_block_key *keys = (const void *)(bytes + head->keys_offset);
    const uint64_t column = ((uint64_t)head->stride + 15) / 16 * 8;

    head->live = 0;
    memset(head->absent, 0, sizeof(head->absent));
    for (uint32_t row = 0; row < head->rows; row++) {
        if (keys[row].id == 0)
            continue;
        head->live++;
        for (uint32_t i = 0; i < head->columns; i++) {
            const unsigned char *pair = bytes + head->absence_offset + i * column + row / 2;
            unsigned absence = row % 2 ? *pair / 16u : *pair % 16u;

            if (absence > 0 && absence < MW_ABSENCE_COUNT)
                head->absent[absence]++;
        }
    }
}

/* Sets magic, layout and counts right, as far as the size allows. */
static bool repair(unsigned char *bytes, size_t size)
{
    struct mw_block_head *head = (struct mw_block_head *)(void *)bytes;
    struct mw_block_pool *pool = NULL;
    struct mw_block *model = NULL;
    size_t left;

    head->source = head->source % 8 == 7 ? MW_SOURCE_PROCESS : head->source % MW_SOURCE_COUNT;
    head->stride = head->stride % 200 + 1;
    head->rows %= head->stride + 1;
    if (mw_block_pool_create((enum mw_source)head->source, &pool) < 0)
        return false;
    if (mw_block_take(pool, NULL, 1, &model) == 0)
        head->magic = mw_block_head(model)->magic;
    mw_block_unref(model);
    mw_block_pool_destroy(pool);
    head->columns = mw_source_columns((enum mw_source)head->source);
    head->size = size;
    head->keys_offset = sizeof(*head);
    head->values_offset = head->keys_offset + head->stride * sizeof(struct mw_block_key);
    head->absence_offset =
        head->values_offset + (uint64_t)head->columns * head->stride * sizeof(union mw_value);
    head->events_offset =
        head->absence_offset + head->columns * (((uint64_t)head->stride + 15) / 16 * 8);
    if (head->events_offset > size)
        return false;
    left = size - head->events_offset;
    head->events %= (uint32_t)(left / sizeof(struct mw_block_event)) + 1;
    head->text_offset = head->events_offset + head->events * sizeof(struct mw_block_event);
    head->text_size = (uint32_t)(size - head->text_offset);
    recount(bytes, head);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *repaired;

    use(data, size);
    if (size < sizeof(struct mw_block_head))
        return 0;
    repaired = malloc(size);
    if (repaired != NULL) {
        memcpy(repaired, data, size);
        if (repair(repaired, size))
            use(repaired, size);
    }
    free(repaired);
    return 0;
}
