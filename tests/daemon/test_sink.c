/* Sinks by themselves: what is promised of order, coalescing, bounds and reloads. Their targets are
 * a journal that is a socket of the test's, and a memwatchd-deliver that is not there. What needs a
 * network is in tests/scenario/test_deliver*.py. */
#include "daemon/sink.h"

#include "base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { DONE_MAX = 4096, ENTRY_MAX = 256 * 1024 };

struct told {
    char sink[32], id[32], why[128];
    enum mwd_sink_status status;
    enum mwd_sink_outcome outcome;
};

struct fixture {
    uv_loop_t loop;
    struct mw_heap *heap;
    struct mw_store *store;
    struct mwd_log *log;
    struct mwd_sinks *sinks;
    char folder[64], journal[80];
    int socket; /* of the journal */
    uint32_t done_count, room_count;
    struct told done[DONE_MAX];
    size_t entry_size;
    char entry[ENTRY_MAX];
};

static void on_done(void *context, const struct mwd_sink_done *done)
{
    struct fixture *self = context;
    struct told *told = &self->done[self->done_count++];

    assert_true(self->done_count < DONE_MAX);
    snprintf(told->sink, sizeof told->sink, "%s", done->sink);
    snprintf(told->id, sizeof told->id, "%s", done->id);
    snprintf(told->why, sizeof told->why, "%s", done->why);
    told->status = done->status;
    told->outcome = done->outcome;
    mw_heap_collect(self->heap, MW_COLLECT_COMPACT); /* callers of the heap may collect */
}

static void on_room(void *context, const char *sink)
{
    struct fixture *self = context;

    assert_non_null(sink);
    self->room_count++;
}

/* ---- the journal ---- */

static void open_journal(struct fixture *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int room = 4 << 20;

    self->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    setsockopt(self->socket, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    memcpy(address.sun_path, self->journal, strlen(self->journal) + 1);
    assert_int_equal(bind(self->socket, (struct sockaddr *)&address, sizeof address), 0);
}

static void close_journal(struct fixture *self)
{
    close(self->socket);
    unlink(self->journal);
    self->socket = -1;
}

/* Into self->entry; false when there is none. */
static bool read_entry(struct fixture *self)
{
    ssize_t size = recv(self->socket, self->entry, ENTRY_MAX, 0);

    if (size < 0)
        return false;
    self->entry_size = (size_t)size;
    return true;
}

/* Where the entry has this; NULL when nowhere. */
static const char *in_entry(const struct fixture *self, const char *text)
{
    return memmem(self->entry, self->entry_size, text, strlen(text));
}

/* ---- life ---- */

static const struct mwd_sink_settings journal = {.name = "log",
                                                 .type = MWD_TARGET_JOURNAL,
                                                 .deadline_ms = 60000,
                                                 .timeout_ms = 1000,
                                                 .queue = 8};
static const char *const nowhere[] = {"http://127.0.0.1:9/", "http://127.0.0.2:9/"};
static const struct mwd_sink_settings webhook = {.name = "hook",
                                                 .type = MWD_TARGET_WEBHOOK,
                                                 .urls = nowhere,
                                                 .url_count = 1,
                                                 .deadline_ms = 60000,
                                                 .timeout_ms = 1000,
                                                 .queue = 8};

static void make_heap(struct fixture *self)
{
    struct mw_heap_config config;

    mw_heap_config_default(&config);
    config.modes = MW_HEAP_CHECKED | MW_HEAP_VERIFY | MW_HEAP_MOVE | MW_HEAP_POISON;
    assert_int_equal(mw_heap_create(&config, &self->heap), 0);
    assert_int_equal(mw_store_create(self->heap, &self->store), 0);
}

static void make_sinks(struct fixture *self)
{
    struct mwd_sinks_options options = {.store = self->store,
                                        .log = self->log,
                                        .program = "/nonexistent/memwatchd-deliver",
                                        .journal = self->journal,
                                        .retry_first_ms = 5,
                                        .retry_max_ms = 20,
                                        .on_done = on_done,
                                        .on_room = on_room,
                                        .context = self};
    struct mwd_sink_settings settings[] = {journal, webhook};

    assert_int_equal(mwd_sinks_create(&self->loop, &options, settings, 2, &self->sinks), 0);
}

static int set_up(void **state)
{
    struct fixture *self = calloc(1, sizeof *self);

    strcpy(self->folder, "/tmp/sinkXXXXXX"); /* six X, as mkdtemp() wants them */
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->journal, sizeof self->journal, "%s/journal", self->folder);
    open_journal(self);
    uv_loop_init(&self->loop);
    make_heap(self);
    assert_int_equal(mwd_log_create(STDERR_FILENO, MWD_LOG_ERROR, &self->log), 0);
    make_sinks(self);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *self = *state;

    mwd_sinks_close(self->sinks);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    mwd_sinks_destroy(self->sinks);
    mwd_log_destroy(self->log);
    mw_store_destroy(self->store);
    mw_heap_destroy(self->heap);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    close_journal(self);
    rmdir(self->folder);
    free(self);
    return 0;
}

static void turn(struct fixture *self, int ms)
{
    for (int i = 0; i <= ms; i++) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

static void turn_until_done(struct fixture *self, uint32_t count)
{
    for (int i = 0; i < 5000 && self->done_count < count; i++)
        turn(self, 0);
    assert_int_equal(self->done_count, count);
}

/* ---- messages ---- */

static int send_to(struct fixture *self, const char *sink, const char *fingerprint, const char *id,
                   enum mwd_sink_status status, const char *body)
{
    static const struct mwd_sink_pair labels[] = {{"alertname", "full"}, {"sub-ject", "a\nb"}};
    struct mwd_sink_message message = {.id = id,
                                       .fingerprint = fingerprint,
                                       .status = status,
                                       .severity = "critical",
                                       .summary = "orders holds 80 of 100",
                                       .body = body,
                                       .body_size = strlen(body),
                                       .labels = labels,
                                       .label_count = 2,
                                       .starts_ms = 1795377600123};

    return mwd_sinks_send(self->sinks, sink, &message);
}

static int fire(struct fixture *self, const char *sink, const char *fingerprint, const char *id)
{
    return send_to(self, sink, fingerprint, id, MWD_SINK_FIRING, "{\"version\": 1}");
}

static int resolve(struct fixture *self, const char *sink, const char *fingerprint, const char *id)
{
    return send_to(self, sink, fingerprint, id, MWD_SINK_RESOLVED, "{\"version\": 1}");
}

static struct mwd_sink_numbers numbers_of(struct fixture *self, const char *name)
{
    struct mwd_sink_numbers numbers;

    for (uint32_t i = 0; i < mwd_sinks_queue_count(self->sinks); i++) {
        mwd_sinks_get_numbers(self->sinks, i, &numbers);
        if (strcmp(numbers.name, name) == 0)
            return numbers;
    }
    fail();
    return numbers;
}

/* ---- the journal ---- */

/* An entry has the fields that journalctl is asked for, and a value with a newline is whole. */
static void a_journal_entry_is_structured(void **state)
{
    struct fixture *self = *state;

    assert_int_equal(fire(self, "log", "f1", "a"), 0);
    assert_int_equal(self->done_count, 0); /* never from within the call */
    turn_until_done(self, 1);
    assert_true(read_entry(self));
    assert_non_null(in_entry(self, "MESSAGE_ID=5b1ac0a8e0f94f52a1f6ad0c9e1f3b70\n"));
    assert_non_null(in_entry(self, "\nPRIORITY=2\n"));
    assert_non_null(in_entry(self, "\nMEMWATCHD_ID=a\n"));
    assert_non_null(in_entry(self, "\nMEMWATCHD_STATUS=firing\n"));
    assert_non_null(in_entry(self, "\nMEMWATCHD_LABEL_ALERTNAME=full\n"));
    assert_non_null(in_entry(self, "\nMESSAGE=orders holds 80 of 100\n"));
    assert_non_null(in_entry(self, "\nMEMWATCHD_BODY={\"version\":1}\n"));
    const char *label = in_entry(self, "\nMEMWATCHD_LABEL_SUB_JECT\n");
    assert_non_null(label);
    assert_memory_equal(label + strlen("\nMEMWATCHD_LABEL_SUB_JECT\n"), "\x03\0\0\0\0\0\0\0a\nb\n",
                        12);
    assert_int_equal(self->done[0].outcome, MWD_SINK_DELIVERED);
    assert_string_equal(self->done[0].sink, "log");
    assert_string_equal(self->done[0].id, "a");
}

/* Without a journal entries wait for it. */
static void the_journal_may_come_back(void **state)
{
    struct fixture *self = *state;

    close_journal(self);
    assert_int_equal(fire(self, "log", "f1", "a"), 0);
    turn(self, 30);
    assert_int_equal(self->done_count, 0);
    assert_true(numbers_of(self, "log").retried > 0);
    assert_true(numbers_of(self, "log").failing_ms > 0);
    open_journal(self);
    turn_until_done(self, 1);
    assert_true(read_entry(self));
    assert_int_equal(numbers_of(self, "log").failing_ms, 0);
}

/* ---- order and coalescing ---- */

/* The program is not there, so all waits: what is told at the end shows what was kept. */
static void remove_all(struct fixture *self)
{
    assert_int_equal(mwd_sinks_apply(self->sinks, NULL, 0), 0);
}

static void check_done(const struct fixture *self, uint32_t index, const char *id,
                       enum mwd_sink_outcome outcome)
{
    assert_string_equal(self->done[index].id, id);
    assert_int_equal(self->done[index].outcome, outcome);
}

/* A resolved follows each firing: neither takes the place of the other. */
static void firing_and_resolved_both_wait(void **state)
{
    struct fixture *self = *state;

    assert_int_equal(fire(self, "hook", "f1", "a"), 0);
    assert_int_equal(resolve(self, "hook", "f1", "a-resolved"), 0);
    turn(self, 20);
    assert_int_equal(numbers_of(self, "hook").queue.length, 1);
    assert_int_equal(self->done_count, 0);
    remove_all(self);
    assert_int_equal(self->done_count, 2);
    check_done(self, 0, "a", MWD_SINK_REMOVED);
    check_done(self, 1, "a-resolved", MWD_SINK_REMOVED);
}

/* The same id and status once more is one message with newer numbers. */
static void the_newest_of_one_id_stays(void **state)
{
    struct fixture *self = *state;

    close_journal(self);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_to(self, "log", "f1", "a", MWD_SINK_FIRING,
                                 i < 4 ? "{\"value\":1}" : "{\"value\":5}"),
                         0);
    assert_int_equal(numbers_of(self, "log").coalesced, 4);
    assert_int_equal(numbers_of(self, "log").queue.length, 1);
    open_journal(self);
    turn_until_done(self, 1);
    assert_true(read_entry(self));
    assert_non_null(in_entry(self, "{\"value\":5}"));
    assert_false(read_entry(self));
}

/* What flaps while its target is down takes one place and MWD_SINK_CHAIN messages; what goes is the
 * oldest firing and its resolved, together, and it is told. */
static void a_flapping_alert_is_bounded(void **state)
{
    struct fixture *self = *state;
    char id[16];

    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal(fire(self, "hook", "f1", id), 0);
        assert_int_equal(resolve(self, "hook", "f1", id), 0);
        turn(self, 0);
    }
    turn(self, 5);
    assert_int_equal(numbers_of(self, "hook").queue.length, 1);
    assert_int_equal(self->done_count, 20 - MWD_SINK_CHAIN);
    for (uint32_t i = 0; i < self->done_count; i++) {
        snprintf(id, sizeof id, "%u", i / 2);
        check_done(self, i, id, MWD_SINK_COALESCED);
        assert_int_equal(self->done[i].status, i % 2 ? MWD_SINK_RESOLVED : MWD_SINK_FIRING);
    }
}

/* Sent without a turn of the loop in between, a chain has two places more, then the sender waits.
 */
static void a_full_chain_makes_the_sender_wait(void **state)
{
    struct fixture *self = *state;
    char id[16];
    int i = 0;

    for (; i < MWD_SINK_CHAIN + 2; i++) {
        snprintf(id, sizeof id, "%d", i);
        assert_int_equal((i % 2 ? resolve : fire)(self, "hook", "f1", id), 0);
    }
    assert_int_equal(fire(self, "hook", "f1", "more"), -EAGAIN);
    turn(self, 5);
    assert_true(self->room_count > 0);
    assert_int_equal(fire(self, "hook", "f1", "more"), 0);
}

/* ---- bounds ---- */

/* A full queue refuses nothing for good: the sender is called when there is room. */
static void a_full_queue_makes_the_sender_wait(void **state)
{
    struct fixture *self = *state;
    char name[16];

    close_journal(self);
    for (uint32_t i = 0; i < journal.queue; i++) {
        snprintf(name, sizeof name, "f%u", i);
        assert_int_equal(fire(self, "log", name, name), 0);
    }
    assert_int_equal(fire(self, "log", "f9", "f9"), -EAGAIN);
    assert_int_equal(fire(self, "log", "f0", "f0"), 0); /* it is there already */
    turn(self, 20);
    assert_int_equal(self->room_count, 0);
    open_journal(self);
    turn_until_done(self, journal.queue);
    turn(self, 2);
    assert_int_equal(self->room_count, 1);
    assert_int_equal(fire(self, "log", "f9", "f9"), 0);
    turn_until_done(self, journal.queue + 1);
}

/* Bodies that wait are bounded in bytes, too. */
static void bodies_are_bounded(void **state)
{
    struct fixture *self = *state;
    struct mwd_sink_settings settings[] = {journal, webhook};
    char *body = malloc(60001), name[16];
    int sent = 0;

    settings[1].queue = 256;
    assert_int_equal(mwd_sinks_apply(self->sinks, settings, 2), 0);
    memset(body, 'x', 60000);
    memcpy(body, "{\"a\":\"", 6);
    memcpy(body + 59998, "\"}", 3);
    for (; sent < 256; sent++) {
        snprintf(name, sizeof name, "f%d", sent);
        if (send_to(self, "hook", name, name, MWD_SINK_FIRING, body) < 0)
            break;
    }
    assert_int_equal(sent, MWD_SINK_BYTES / 60000 + 1);
    free(body);
}

static void a_message_that_makes_no_sense_is_refused(void **state)
{
    struct fixture *self = *state;
    char long_id[MWD_SINK_ID_MAX + 2];

    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    assert_int_equal(fire(self, "nobody", "f1", "a"), -ENOENT);
    assert_int_equal(fire(self, "hook", "f1", ""), -EINVAL);
    assert_int_equal(fire(self, "hook", "f1", long_id), -EINVAL);
    assert_int_equal(fire(self, "hook", "f1", long_id + 1), 0);
    assert_int_equal(send_to(self, "hook", "f1", "a", MWD_SINK_FIRING, "{\"a\":"), -EINVAL);
    assert_int_equal(send_to(self, "hook", "f1", "a", MWD_SINK_FIRING, "[]"), -EINVAL);
}

static void what_is_too_old_is_given_up(void **state)
{
    struct fixture *self = *state;
    struct mwd_sink_settings settings[] = {journal, webhook};
    uint64_t began_ns = mw_clock_monotonic_ns(mw_clock_system());

    settings[1].deadline_ms = 1000;
    assert_int_equal(mwd_sinks_apply(self->sinks, settings, 2), 0);
    assert_int_equal(fire(self, "hook", "f1", "a"), 0);
    turn_until_done(self, 1);
    assert_true(mw_clock_monotonic_ns(mw_clock_system()) - began_ns >= MW_NS_PER_S);
    check_done(self, 0, "a", MWD_SINK_EXPIRED);
    assert_int_equal(numbers_of(self, "hook").expired, 1);
    assert_int_equal(numbers_of(self, "hook").queue.length, 0);
}

/* ---- reloads ---- */

static void a_reload_keeps_what_waits(void **state)
{
    struct fixture *self = *state;
    struct mwd_sink_settings settings[] = {webhook};

    close_journal(self);
    assert_int_equal(fire(self, "hook", "f1", "a"), 0);
    assert_int_equal(fire(self, "hook", "f2", "b"), 0);
    assert_int_equal(fire(self, "log", "f1", "c"), 0);
    settings[0].queue = 2;
    settings[0].urls = nowhere + 1;
    assert_int_equal(mwd_sinks_apply(self->sinks, settings, 1), 0);
    assert_int_equal(self->done_count, 1);
    check_done(self, 0, "c", MWD_SINK_REMOVED);
    assert_int_equal(mwd_sinks_queue_count(self->sinks), 1);
    assert_int_equal(numbers_of(self, "hook").queue.length, 2);
    assert_int_equal(numbers_of(self, "hook").queue.capacity, 2);
    assert_int_equal(fire(self, "hook", "f3", "d"), -EAGAIN);
    open_journal(self);
}

static void settings_that_make_no_sense_change_nothing(void **state)
{
    struct fixture *self = *state;
    struct mwd_sink_settings twice[] = {journal, journal};
    struct mwd_sink_settings bad[] = {
        {.name = "x", .type = MWD_TARGET_WEBHOOK},
        {.name = "x", .type = MWD_TARGET_EXEC, .arguments = nowhere, .argument_count = 1},
        {.name = "", .type = MWD_TARGET_JOURNAL},
        {.name = "x", .type = MWD_TARGET_JOURNAL, .queue = MWD_SINK_QUEUE_MAX + 1},
        {.name = "x", .type = MWD_TARGET_JOURNAL, .queue = 0},
    };

    assert_int_equal(fire(self, "hook", "f1", "a"), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bad[i].deadline_ms = bad[i].timeout_ms = 1000;
        bad[i].queue = bad[i].type == MWD_TARGET_JOURNAL ? bad[i].queue : 8;
        assert_int_equal(mwd_sinks_apply(self->sinks, &bad[i], 1), -EINVAL);
    }
    assert_int_equal(mwd_sinks_apply(self->sinks, twice, 2), -EINVAL);
    assert_int_equal(self->done_count, 0);
    assert_int_equal(numbers_of(self, "hook").queue.length, 1);
}

/* ---- clusters ---- */

static void each_member_has_its_queue(void **state)
{
    struct fixture *self = *state;
    struct mwd_sink_settings settings = webhook;

    settings.type = MWD_TARGET_ALERTMANAGER;
    settings.name = "am";
    settings.url_count = 2;
    assert_int_equal(mwd_sinks_apply(self->sinks, &settings, 1), 0);
    assert_true(mwd_sinks_wants_active(self->sinks, "am"));
    assert_false(mwd_sinks_wants_active(self->sinks, "hook"));
    assert_int_equal(fire(self, "am", "f1", "a"), 0);
    assert_int_equal(numbers_of(self, "am-1").queue.length, 1);
    assert_int_equal(numbers_of(self, "am-2").queue.length, 1);
    settings.url_count = 1;
    assert_int_equal(mwd_sinks_apply(self->sinks, &settings, 1), 0);
    assert_int_equal(self->done_count, 0); /* the other member still has it */
    remove_all(self);
    assert_int_equal(self->done_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_journal_entry_is_structured),
        TEST(the_journal_may_come_back),
        TEST(firing_and_resolved_both_wait),
        TEST(the_newest_of_one_id_stays),
        TEST(a_flapping_alert_is_bounded),
        TEST(a_full_chain_makes_the_sender_wait),
        TEST(a_full_queue_makes_the_sender_wait),
        TEST(bodies_are_bounded),
        TEST(a_message_that_makes_no_sense_is_refused),
        TEST(what_is_too_old_is_given_up),
        TEST(a_reload_keeps_what_waits),
        TEST(settings_that_make_no_sense_change_nothing),
        TEST(each_member_has_its_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
