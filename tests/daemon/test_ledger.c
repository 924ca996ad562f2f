/* What goes into a record comes out of it, and of anything else nothing is believed. */
#include "daemon/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <string.h>

static struct mw_alert an_alert(void)
{
    struct mw_alert alert;

    memset(&alert, 0, sizeof alert);
    alert.fingerprint = UINT64_C(0x9f86d081884c7d65);
    alert.since_ms = 1795377600123;
    alert.fired_ms = alert.since_ms + 5;
    alert.value_ms = alert.since_ms + 9;
    alert.state = MW_ALERT_FIRING;
    alert.reading = mw_reading_find("queue.length", 12);
    alert.severity = MW_ALERT_CRITICAL;
    alert.key = (struct mw_block_key){7, 1795377000000};
    alert.value_known = alert.threshold_known = true;
    alert.value = 101.5;
    alert.threshold = 100;
    strcpy(alert.rule_name, "orders-backlog");
    strcpy(alert.name, "or\xc3\xa4"
                       "ders");
    strcpy(alert.subject, "orders");
    return alert;
}

static void make(enum mwd_ledger_kind kind, struct mwd_ledger_record *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->kind = kind;
    switch (kind) {
    case MWD_LEDGER_ALERT:
        ret->of.alert.alert = an_alert();
        ret->of.alert.condition = 42;
        ret->of.alert.elapsed_ms = 7000;
        ret->of.alert.raised = true;
        break;
    case MWD_LEDGER_MESSAGE:
        ret->of.message.alert = an_alert();
        ret->of.message.held = true;
        ret->of.message.label_count = 2;
        strcpy(ret->of.message.labels[1].key, "team");
        strcpy(ret->of.message.labels[1].value, "db = 1");
        strcpy(ret->of.message.summary, "orders holds 101");
        ret->of.message.sink_count = 2;
        strcpy(ret->of.message.sinks[0].name, "ops");
        strcpy(ret->of.message.sinks[1].name, "log");
        ret->of.message.sinks[1].told = true;
        break;
    case MWD_LEDGER_SILENCE:
        ret->of.silence.id = 12;
        ret->of.silence.ends_ms = 99;
        strcpy(ret->of.silence.rule, "orders*");
        ret->of.silence.severities = 6;
        ret->of.silence.label_count = 1;
        strcpy(ret->of.silence.labels[0].key, "team");
        strcpy(ret->of.silence.author, "ann");
        break;
    case MWD_LEDGER_SILENCE_GONE:
        ret->of.silence_id = 12;
        break;
    case MWD_LEDGER_ACK:
        ret->of.ack.fingerprint = 3;
        ret->of.ack.time_ms = 5;
        strcpy(ret->of.ack.author, "bob");
        strcpy(ret->of.ack.comment, "I look at it");
        break;
    default:
        ret->of.id.fingerprint = 3;
        ret->of.id.since_ms = 4;
        ret->of.id.resolved = true;
        strcpy(ret->of.id.sink.name, "ops");
        ret->of.id.sink.told = true;
    }
}

static void every_kind_comes_back_as_it_was(void **state)
{
    struct mwd_ledger_record record, back;
    struct mwd_buffer bytes;

    (void)state;
    for (int kind = MWD_LEDGER_ALERT; kind <= MWD_LEDGER_ACK; kind++) {
        make((enum mwd_ledger_kind)kind, &record);
        mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
        mwd_ledger_encode(&record, &bytes);
        assert_int_equal(bytes.failed, 0);
        assert_int_equal(mwd_ledger_decode(bytes.bytes, bytes.size, &back), 0);
        assert_memory_equal(&record, &back, sizeof record);
        mwd_buffer_deinit(&bytes);
    }
}

/* Cut anywhere, or with more behind it, it is none. */
static void part_of_a_record_is_none(void **state)
{
    struct mwd_ledger_record record, back;
    struct mwd_buffer bytes;

    (void)state;
    for (int kind = MWD_LEDGER_ALERT; kind <= MWD_LEDGER_ACK; kind++) {
        make((enum mwd_ledger_kind)kind, &record);
        mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
        mwd_ledger_encode(&record, &bytes);
        for (size_t size = 0; size < bytes.size; size++)
            assert_true(mwd_ledger_decode(bytes.bytes, size, &back) < 0);
        mwd_buffer_append(&bytes, "x", 1);
        assert_int_equal(mwd_ledger_decode(bytes.bytes, bytes.size, &back), -EINVAL);
        mwd_buffer_deinit(&bytes);
    }
}

static void largest_record_fits(void **state)
{
    struct mwd_ledger_record record;
    struct mwd_ledger_message *message = &record.of.message;
    struct mwd_buffer bytes;

    (void)state;
    make(MWD_LEDGER_MESSAGE, &record);
    message->label_count = MW_ALERT_LABELS_MAX;
    for (int i = 0; i < MW_ALERT_LABELS_MAX; i++) {
        memset(message->labels[i].key, 'k', MW_ALERT_LABEL_KEY_MAX);
        memset(message->labels[i].value, 'v', MW_ALERT_LABEL_VALUE_MAX);
    }
    memset(message->summary, 's', MW_ALERT_SUMMARY_MAX);
    message->sink_count = MWD_LEDGER_SINKS;
    for (int i = 0; i < MWD_LEDGER_SINKS; i++)
        memset(message->sinks[i].name, 'n', MWD_LEDGER_SINK_NAME_MAX);
    memset(message->alert.name, 'a', MW_ALERT_SUBJECT_MAX);
    memset(message->alert.subject, 'a', MW_ALERT_SUBJECT_MAX);
    memset(message->alert.rule_name, 'r', MW_ALERT_NAME_MAX);
    mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
    mwd_ledger_encode(&record, &bytes);
    assert_int_equal(bytes.failed, 0);
    mwd_buffer_deinit(&bytes);
}

static void reading_of_another_version_is_told_from_a_fault(void **state)
{
    struct mwd_ledger_record record, back;
    struct mwd_buffer bytes;

    (void)state;
    make(MWD_LEDGER_ALERT, &record);
    mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
    mwd_ledger_encode(&record, &bytes);
    memcpy(bytes.bytes + bytes.size - 6, "lenght", 6);
    assert_int_equal(mwd_ledger_decode(bytes.bytes, bytes.size, &back), -ENOENT);
    mwd_buffer_deinit(&bytes);
}

static void impossible_members_are_refused(void **state)
{
    struct mwd_ledger_record record, back;
    struct mwd_buffer bytes;

    (void)state;
    make(MWD_LEDGER_ALERT, &record);
    record.of.alert.alert.value = (double)NAN;
    mwd_buffer_init(&bytes, MWD_LEDGER_SIZE_MAX);
    mwd_ledger_encode(&record, &bytes);
    assert_int_equal(mwd_ledger_decode(bytes.bytes, bytes.size, &back), -EINVAL);
    mwd_buffer_deinit(&bytes);
    assert_int_equal(mwd_ledger_decode("\x00", 1, &back), -EINVAL);
    assert_int_equal(mwd_ledger_decode("\x63", 1, &back), -EINVAL);
    assert_int_equal(mwd_ledger_decode("", 0, &back), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was),
        cmocka_unit_test(part_of_a_record_is_none),
        cmocka_unit_test(largest_record_fits),
        cmocka_unit_test(reading_of_another_version_is_told_from_a_fault),
        cmocka_unit_test(impossible_members_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
