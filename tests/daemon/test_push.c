/* A report is taken whole or not at all, by who may, within the bounds; what it leaves out is
 * absent; and a name that nobody reports goes. */
#include "daemon/push.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct mwd_name_owner alice = {.uid = 1000}, bob = {.uid = 1001},
                                   root = {.admin = true},
                                   self_owner = {.uid = 64, .is_daemon = true};

struct bench {
    struct mw_clock clock;
    uint64_t now_ns;
    struct mwd_push *push;
    uint32_t changes[MW_KIND_COUNT];
    char detail[MWD_PUSH_DETAIL_SIZE];
};

static uint64_t monotonic_ns(void *context)
{
    return ((struct bench *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
    return (int64_t)(((struct bench *)context)->now_ns / MW_NS_PER_MS);
}

static void on_change(void *context, enum mw_kind kind)
{
    ((struct bench *)context)->changes[kind]++;
}

static int set_up(void **state)
{
    struct bench *self = calloc(1, sizeof *self);
    struct mwd_push_options options = {.expire_ns = 10ULL * MW_NS_PER_S, .on_change = on_change};

    assert_non_null(self);
    self->now_ns = MW_NS_PER_S;
    self->clock = (struct mw_clock){monotonic_ns, wall_ms, self};
    options.clock = &self->clock;
    options.context = self;
    assert_int_equal(mwd_push_create(&options, &self->push), 0);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *self = *state;

    mwd_push_destroy(self->push);
    free(self);
    return 0;
}

/* ---- help ---- */

static int put(struct bench *self, enum mw_kind kind, const char *name, struct mwd_name_owner owner,
               const char *body)
{
    struct mwd_push_report report;
    int r = mwd_push_parse(self->push, kind, body, strlen(body), &report, self->detail);

    return r < 0 ? r : mwd_push_put(self->push, kind, name, owner, &report);
}

static void line(struct bench *self, const char *text)
{
    mwd_push_line(self->push, text, strlen(text), alice);
}

static uint64_t refused(const struct bench *self, enum mwd_push_reason reason)
{
    struct mwd_push_numbers numbers;

    mwd_push_get_numbers(self->push, &numbers);
    return numbers.refused[reason];
}

static uint64_t all_refused(const struct bench *self)
{
    uint64_t sum = 0;

    for (int reason = 0; reason < MWD_PUSH_REASONS; reason++)
        sum += refused(self, (enum mwd_push_reason)reason);
    return sum;
}

static enum mw_source source_of(enum mw_kind kind)
{
    return kind == MW_KIND_QUEUE  ? MW_SOURCE_QUEUE
           : kind == MW_KIND_HEAP ? MW_SOURCE_HEAP
                                  : MW_SOURCE_CACHE;
}

/* NAN when it is absent, -1 when there is no such row. */
static double read(const struct bench *self, enum mw_reading reading, const char *name)
{
    enum mw_kind kind = mw_reading_info(reading)->kind;
    struct mw_block_pool *pool;
    struct mw_block *block;
    union mw_value value;
    double found = -1;

    assert_int_equal(mw_block_pool_create(source_of(kind), &pool), 0);
    assert_int_equal(mw_block_take(pool, NULL, 1 + mwd_push_rows(self->push, kind), &block), 0);
    mw_block_set_time(block, 1, 1, 1);
    mwd_push_fill(self->push, kind, 1, block);
    assert_int_equal(mw_block_finish(block), 0);
    for (uint32_t row = 0; row < mw_block_head(block)->rows; row++) {
        const char *text = mwd_name_of(mwd_push_names(self->push), kind, mw_block_keys(block)[row]);

        if (!text || strcmp(text, name) != 0)
            continue;
        found = NAN;
        if (mw_block_get(block, reading, row, &value) == MW_PRESENT)
            found = mw_reading_info(reading)->value == MW_VALUE_F64 ? value.f : (double)value.u;
    }
    mw_block_unref(block);
    mw_block_pool_destroy(pool);
    return found;
}

#define assert_reads(self, reading, name, value) assert_true(read(self, reading, name) == (value))
#define assert_absent(self, reading, name) assert_true(isnan(read(self, reading, name)))

/* ---- whole reports ---- */

static void the_least_is_enough(void **state)
{
    struct bench *self = *state;

    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":10}"), 0);
    assert_int_equal(put(self, MW_KIND_CACHE, "pages", alice, " {\"entries\" : 3 }\n"), 0);
    assert_int_equal(put(self, MW_KIND_HEAP, "api", alice, "{\"heapUsed\":1}"), 0);
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 10);
    assert_absent(self, MW_QUEUE_CAPACITY, "orders");
    assert_absent(self, MW_QUEUE_FILL_RATIO, "orders");
    assert_reads(self, MW_CACHE_ENTRIES, "pages", 3);
    assert_reads(self, MW_HEAP_USED, "api", 1);
    assert_absent(self, MW_HEAP_FLOOR, "api");
    assert_int_equal(self->changes[MW_KIND_QUEUE], 1);
    assert_int_equal(all_refused(self), 0);
}

static void every_field_is_taken(void **state)
{
    static const enum mw_kind kinds[] = {MW_KIND_QUEUE, MW_KIND_CACHE, MW_KIND_HEAP};
    struct bench *self = *state;

    for (int k = 0; k < 3; k++) {
        uint32_t count;
        const struct mwd_push_field *fields = mwd_push_fields(kinds[k], &count);
        char body[1024] = "{";

        for (uint32_t i = 0; i < count; i++)
            snprintf(body + strlen(body), sizeof body - strlen(body), "%s\"%s\":%u", i ? "," : "",
                     mw_reading_info(fields[i].reading)->key, 100 + i);
        strcat(body, "}");
        assert_int_equal(put(self, kinds[k], "x", alice, body), 0);
        for (uint32_t i = 0; i < count; i++)
            assert_reads(self, fields[i].reading, "x", 100 + i);
    }
    assert_true(fabs(read(self, MW_HEAP_FILL_RATIO, "x") - 100.0 / 102) < 1e-9);
}

/* Each report says anew what it knows: nothing, less than the limit, or the limit alone. */
static void the_floor_has_a_limit(void **state)
{
    struct bench *self = *state;

    put(self, MW_KIND_HEAP, "api", alice, "{\"heapUsed\":1,\"floor\":1}");
    assert_absent(self, MW_HEAP_FLOOR_LIMIT, "api");
    put(self, MW_KIND_HEAP, "api", alice, "{\"heapUsed\":1,\"heapLimit\":9,\"floorLimit\":5}");
    assert_reads(self, MW_HEAP_FLOOR_LIMIT, "api", 5);
    put(self, MW_KIND_HEAP, "api", alice, "{\"heapUsed\":1,\"heapLimit\":9}");
    assert_reads(self, MW_HEAP_FLOOR_LIMIT, "api", 9);
}

static void the_next_report_replaces_the_one_before(void **state)
{
    struct bench *self = *state;

    put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":10,\"capacity\":20}");
    assert_reads(self, MW_QUEUE_CAPACITY, "orders", 20);
    put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":11,\"capacity\":null}");
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 11);
    assert_absent(self, MW_QUEUE_CAPACITY, "orders");
}

/* What it says about the body, and under which reason it is counted. */
static const struct {
    const char *body, *says;
    enum mwd_push_reason reason;
} wrong[] = {
    {"", "no JSON object", MWD_PUSH_SYNTAX},
    {"{", "no JSON object", MWD_PUSH_SYNTAX},
    {"[1]", "no JSON object", MWD_PUSH_SYNTAX},
    {"10", "no JSON object", MWD_PUSH_SYNTAX},
    {"{\"length\":1} x", "no JSON object", MWD_PUSH_SYNTAX},
    {"{\"length\":1,\"length\":2}", "twice", MWD_PUSH_SYNTAX},
    {"{}", "length is missing", MWD_PUSH_FIELD},
    {"{\"capacity\":1}", "length is missing", MWD_PUSH_FIELD},
    {"{\"length\":null}", "length is missing", MWD_PUSH_FIELD},
    {"{\"length\":1,\"size\":1}", "\"size\" is no field of a queue, which takes length, capacity",
     MWD_PUSH_FIELD},
    {"{\"length\":1,\"enqueued\":1}", "\"enqueued\" is no field", MWD_PUSH_FIELD},
    {"{\"length\":-1}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":1.5}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":\"1\"}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":true}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":[1]}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":9007199254740992}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":1e999}", "length takes a whole number", MWD_PUSH_VALUE},
    {"{\"length\":1,\"capacity\":-1}", "capacity takes a whole number", MWD_PUSH_VALUE},
};

static void a_malformed_report_changes_nothing(void **state)
{
    struct bench *self = *state;

    put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":7}");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t before = refused(self, wrong[i].reason), sum = all_refused(self);

        if (put(self, MW_KIND_QUEUE, "orders", alice, wrong[i].body) != -EINVAL ||
            !strstr(self->detail, wrong[i].says))
            fail_msg("%s: %s", wrong[i].body, self->detail);
        assert_int_equal(refused(self, wrong[i].reason), before + 1);
        assert_int_equal(all_refused(self), sum + 1);
        assert_reads(self, MW_QUEUE_LENGTH, "orders", 7);
    }
    assert_int_equal(self->changes[MW_KIND_QUEUE], 1);
}

/* ---- names ---- */

static void a_name_is_of_its_first_user(void **state)
{
    struct bench *self = *state;

    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":1}"), 0);
    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", bob, "{\"length\":2}"), -EACCES);
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 1);
    assert_int_equal(put(self, MW_KIND_CACHE, "orders", bob, "{\"entries\":2}"), 0);
    assert_int_equal(mwd_push_remove(self->push, MW_KIND_QUEUE, "orders", bob), -EACCES);
    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", root, "{\"length\":3}"), 0);
    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":4}"), 0);
    assert_int_equal(put(self, MW_KIND_QUEUE, "events", root, "{\"length\":3}"), -EEXIST);
    assert_int_equal(put(self, MW_KIND_HEAP, "memwatchd", root, "{\"heapUsed\":3}"), -EEXIST);
    assert_int_equal(refused(self, MWD_PUSH_OWNER), 3);
    assert_int_equal(mwd_push_remove(self->push, MW_KIND_QUEUE, "orders", alice), 0);
    assert_int_equal(mwd_push_remove(self->push, MW_KIND_QUEUE, "orders", alice), -ENOENT);
    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", bob, "{\"length\":5}"), 0);
}

static void names_have_their_letters_and_length(void **state)
{
    static const char *const bad[] = {"",    ".a",  "-a",  "a b",      "a\n", "a\"",
                                      "a\\", "a:b", "a|b", "\xc3\xa4", "a{",  "a*"};
    struct bench *self = *state;
    char name[80];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(put(self, MW_KIND_QUEUE, bad[i], alice, "{\"length\":1}"), -EINVAL);
    assert_int_equal(put(self, MW_KIND_QUEUE, "0a-_./@Z", alice, "{\"length\":1}"), 0);
    for (int size = 63; size <= 65; size++) {
        memset(name, 'x', sizeof name);
        name[size] = '\0';
        assert_int_equal(put(self, MW_KIND_QUEUE, name, alice, "{\"length\":1}"),
                         size <= MWD_NAME_MAX ? 0 : -EINVAL);
    }
    assert_int_equal(refused(self, MWD_PUSH_NAME), sizeof bad / sizeof bad[0] + 1);
}

static int put_number(struct bench *self, int number)
{
    char name[32];

    snprintf(name, sizeof name, "q%d", number);
    return put(self, MW_KIND_QUEUE, name, alice, "{\"length\":1}");
}

static void names_have_a_bound(void **state)
{
    struct bench *self = *state;
    struct mw_block_key key;

    for (int i = 0; i < MWD_NAMES_MAX; i++)
        assert_int_equal(put_number(self, i), 0);
    assert_int_equal(put_number(self, MWD_NAMES_MAX), -ENOSPC);
    assert_int_equal(refused(self, MWD_PUSH_FULL), 1);
    assert_int_equal(put(self, MW_KIND_HEAP, "other", alice, "{\"heapUsed\":1}"), 0);
    assert_int_equal(mwd_push_remove(self->push, MW_KIND_QUEUE, "q7", alice), 0);
    assert_int_equal(put_number(self, MWD_NAMES_MAX), 0);
    assert_false(mwd_name_find(mwd_push_names(self->push), MW_KIND_QUEUE, "q7", &key));
    assert_true(mwd_name_find(mwd_push_names(self->push), MW_KIND_QUEUE, "q8", &key));
    assert_int_equal(put_number(self, 7), -ENOSPC);
    for (int i = 0; i <= MWD_NAMES_MAX; i++)
        if (i != 7)
            assert_int_equal(put_number(self, i), 0);
}

/* Whoever is first: an alert on what a sink has not sent is not to be stopped by another user. */
static void queues_of_the_daemon_are_nobody_elses(void **state)
{
    static const char report[] = "{\"length\":1}";
    struct bench *self = *state;
    char name[32];

    assert_int_equal(put(self, MW_KIND_QUEUE, "sinks/ops", bob, report), -EEXIST);
    assert_int_equal(put(self, MW_KIND_QUEUE, "sinks/ops", root, report), -EEXIST);
    assert_int_equal(put(self, MW_KIND_CACHE, "sinks/ops", bob, "{\"entries\":1}"), 0);
    for (int i = 0; i < MWD_NAMES_MAX; i++)
        assert_int_equal(put_number(self, i), 0);
    for (int i = 0; i < MWD_NAMES_OWN; i++) {
        snprintf(name, sizeof name, "sinks/%d", i);
        assert_int_equal(put(self, MW_KIND_QUEUE, name, self_owner, report), 0);
    }
    assert_int_equal(put(self, MW_KIND_QUEUE, "sinks/more", self_owner, report), -ENOSPC);
    assert_int_equal(put_number(self, MWD_NAMES_MAX), -ENOSPC);
}

/* ---- time ---- */

static void idle_names_expire(void **state)
{
    struct bench *self = *state;
    struct mwd_push_numbers numbers;
    struct mw_block_key first, second;

    put(self, MW_KIND_QUEUE, "orders", alice, "{\"length\":1}");
    mwd_name_find(mwd_push_names(self->push), MW_KIND_QUEUE, "orders", &first);
    self->now_ns += 10ULL * MW_NS_PER_S - 1;
    mwd_push_expire(self->push);
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 1);
    assert_reads(self, MW_QUEUE_AGE, "orders", 9999);
    self->now_ns += 1;
    mwd_push_expire(self->push);
    assert_reads(self, MW_QUEUE_LENGTH, "orders", -1);
    mwd_push_get_numbers(self->push, &numbers);
    assert_int_equal(numbers.expired, 1);
    assert_int_equal(numbers.names, 0);
    /* It can still be asked for, and comes back as another life that knows nothing of the first. */
    assert_true(mwd_name_find(mwd_push_names(self->push), MW_KIND_QUEUE, "orders", &second));
    assert_int_equal(first.birth, second.birth);
    assert_int_equal(put(self, MW_KIND_QUEUE, "orders", bob, "{\"length\":2}"), 0);
    mwd_name_find(mwd_push_names(self->push), MW_KIND_QUEUE, "orders", &second);
    assert_true(second.id == first.id && second.birth > first.birth);
}

static void a_new_life_begins_with_nothing(void **state)
{
    struct bench *self = *state;

    put(self, MW_KIND_QUEUE, "a", alice, "{\"length\":5,\"enqueuedTotal\":5,\"dequeuedTotal\":0}");
    self->now_ns += 5ULL * MW_NS_PER_S;
    put(self, MW_KIND_QUEUE, "a", alice, "{\"length\":9,\"enqueuedTotal\":9,\"dequeuedTotal\":0}");
    assert_reads(self, MW_QUEUE_STALLED, "a", 5000);
    mwd_push_remove(self->push, MW_KIND_QUEUE, "a", alice);
    put(self, MW_KIND_QUEUE, "a", bob, "{\"length\":1,\"dequeuedTotal\":0}");
    assert_reads(self, MW_QUEUE_STALLED, "a", 0);
    assert_absent(self, MW_QUEUE_ENQUEUED, "a");
    assert_absent(self, MW_QUEUE_IN_RATE, "a");
}

/* ---- lines ---- */

static void lines_change_one_field(void **state)
{
    struct bench *self = *state;

    line(self, "queue.orders.length:42|g");
    line(self, "queue.orders.capacity:100|g");
    line(self, "queue.orders.enqueued:3|c");
    line(self, "queue.orders.enqueued:1|c|@0.5");
    line(self, "queue.orders.length:+8|g");
    line(self, "queue.orders.length:-20|g");
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 30);
    assert_reads(self, MW_QUEUE_CAPACITY, "orders", 100);
    assert_reads(self, MW_QUEUE_ENQUEUED, "orders", 5);
    assert_absent(self, MW_QUEUE_DEQUEUED, "orders");
    line(self, "queue.orders.enqueuedTotal:77|g");
    assert_reads(self, MW_QUEUE_ENQUEUED, "orders", 77);
    line(self, "heap.my.app.used:1234|g");
    assert_reads(self, MW_HEAP_USED, "my.app", 1234);
    line(self, "cache.pages.hits:1|c");
    assert_reads(self, MW_CACHE_HITS, "pages", 1);
    assert_absent(self, MW_CACHE_ENTRIES, "pages");
    assert_int_equal(all_refused(self), 0);
}

/* A third of a count is not lost: three of them are one. */
static void sampled_counts_add_up(void **state)
{
    struct bench *self = *state;

    for (int i = 0; i < 3; i++)
        line(self, "queue.orders.enqueued:1|c|@0.75");
    assert_reads(self, MW_QUEUE_ENQUEUED, "orders", 4);
}

static void bad_lines_are_counted_by_reason(void **state)
{
    static const struct {
        const char *text;
        enum mwd_push_reason reason;
    } rows[] = {
        {"nonsense", MWD_PUSH_SYNTAX},
        {"queue.orders.length:1|ms", MWD_PUSH_FIELD},
        {"queue.orders.size:1|g", MWD_PUSH_FIELD},
        {"process.orders.rss:1|g", MWD_PUSH_FIELD},
        {"queue.orders.length:x|g", MWD_PUSH_VALUE},
        {"queue.orders.length:-8|g", MWD_PUSH_VALUE},
        {"queue.orders.length:1|c", MWD_PUSH_VALUE},
        {"queue.orders.enqueued:+1|g", MWD_PUSH_VALUE},
        {"queue.or ders.length:1|g", MWD_PUSH_NAME},
        {"queue.events.length:1|g", MWD_PUSH_OWNER},
        {"queue.bobs.length:1|g", MWD_PUSH_OWNER},
    };
    struct bench *self = *state;

    put(self, MW_KIND_QUEUE, "bobs", bob, "{\"length\":5}");
    line(self, "queue.orders.length:7|g");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t before = refused(self, rows[i].reason), sum = all_refused(self);

        line(self, rows[i].text);
        if (refused(self, rows[i].reason) != before + 1 || all_refused(self) != sum + 1)
            fail_msg("%s is counted otherwise", rows[i].text);
    }
    assert_reads(self, MW_QUEUE_LENGTH, "orders", 7);
    assert_reads(self, MW_QUEUE_LENGTH, "bobs", 5);
    assert_int_equal(self->changes[MW_KIND_QUEUE], 2);
}

static void a_count_ends_at_the_largest_number(void **state)
{
    struct bench *self = *state;

    line(self, "queue.orders.enqueuedTotal:9007199254740990|g");
    line(self, "queue.orders.enqueued:1|c");
    assert_reads(self, MW_QUEUE_ENQUEUED, "orders", (double)MW_READING_MAX);
    line(self, "queue.orders.enqueued:1|c");
    assert_reads(self, MW_QUEUE_ENQUEUED, "orders", (double)MW_READING_MAX);
    assert_int_equal(refused(self, MWD_PUSH_VALUE), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_least_is_enough),
        TEST(every_field_is_taken),
        TEST(the_floor_has_a_limit),
        TEST(the_next_report_replaces_the_one_before),
        TEST(a_malformed_report_changes_nothing),
        TEST(a_name_is_of_its_first_user),
        TEST(names_have_their_letters_and_length),
        TEST(names_have_a_bound),
        TEST(queues_of_the_daemon_are_nobody_elses),
        TEST(idle_names_expire),
        TEST(a_new_life_begins_with_nothing),
        TEST(lines_change_one_field),
        TEST(sampled_counts_add_up),
        TEST(bad_lines_are_counted_by_reason),
        TEST(a_count_ends_at_the_largest_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
