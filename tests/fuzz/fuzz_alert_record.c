/* Records as they may come from a damaged file, and silences as strangers may write them. Most of a
 * record is one that export made, with some bytes changed, or hardly any would be taken. What is
 * taken is exported again as it was; whatever is in the table, it can be told, silenced and
 * evaluated. */
#include "alert/alert.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

/* Each of them: where, and what is to stand there. */
static void change(void *bytes, size_t length, const uint8_t **data, size_t *size)
{
    size_t changes = *size ? **data % 8 : 0;

    if (*size)
        (*data)++, (*size)--;
    for (; changes > 0 && *size >= 3; changes--) {
        size_t at = ((size_t)(*data)[0] << 8 | (*data)[1]) % length;

        ((uint8_t *)bytes)[at] = (*data)[2];
        *data += 3;
        *size -= 3;
    }
}

/* bool has two values only; a file can hold others, which its reader must turn into these. */
static void mend(struct mw_alert_record *record)
{
    bool *const flags[] = {&record->raised, &record->alert.value_known,
                           &record->alert.threshold_known, &record->alert.limit_known};

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        uint8_t byte;

        memcpy(&byte, flags[i], 1);
        *flags[i] = byte & 1;
    }
    record->alert.rule = NULL;
}

static struct mw_alert_record sound_record(struct mw_alerts *alerts)
{
    static struct mw_alert_record record; /* made once: the same for all inputs */
    struct mw_alert_rule rule;

    mw_alert_rule_init(&rule);
    strcpy(rule.name, "backlog");
    rule.reading = MW_SYSTEM_MEM_TOTAL;
    rule.raise.amount = 1;
    need(mw_alerts_set_rules(alerts, &rule, 1) == 0);
    if (!record.alert.name[0]) {
        struct mw_block_pool *pool;
        struct mw_sealer *sealer;
        struct mw_sample *sample;
        struct mw_block *block = NULL;

        need(mw_block_pool_create(MW_SOURCE_SYSTEM, &pool) == 0);
        need(mw_sealer_create(&sealer) == 0 && mw_block_take(pool, NULL, 1, &block) == 0);
        mw_block_set_time(block, 1, 1000, 1000);
        mw_block_set_key(block, 0, (struct mw_block_key){1, 0});
        mw_block_put(block, MW_SYSTEM_MEM_TOTAL, 0, (union mw_value){.u = 2});
        need(mw_block_finish(block) == 0);
        mw_sealer_offer(sealer, block, 1);
        need(mw_sealer_seal(sealer, 1, &sample) == 0);
        need(mw_alerts_evaluate(alerts, sample, UINT32_MAX) == 0);
        need(mw_alerts_export(alerts, 0, &record));
        mw_sample_unref(sample);
        mw_block_unref(block);
        mw_sealer_destroy(sealer);
        mw_block_pool_destroy(pool);
    }
    return record;
}

static void tell(const struct mw_alerts *alerts)
{
    char summary[MW_ALERT_SUMMARY_MAX + 1];
    struct mw_alert alert;

    for (uint32_t i = 0; i < mw_alerts_places(alerts); i++)
        if (mw_alerts_at(alerts, i, &alert)) {
            need(mw_utf8_valid(summary, mw_alert_summary(&alert, summary)));
            mw_alerts_silenced_by(alerts, &alert, 1500);
            mw_alert_state_word(alert.state);
            mw_alert_reason_word(alert.reason);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_alert_config config = {.states = 3, .events = 3, .tracks = 1};
    struct mw_alert_record record, again;
    struct mw_alert_silence silence = {.starts_ms = 1000, .ends_ms = 2000};
    struct mw_alerts *alerts = NULL, *fresh = NULL;
    char error[MW_ALERT_ERROR_MAX];
    uint64_t id;

    need(mw_alerts_create(&config, &alerts) == 0 && mw_alerts_create(&config, &fresh) == 0);
    record = sound_record(alerts);
    change(&record, sizeof(record), &data, &size);
    mend(&record);
    if (mw_alerts_import(fresh, &record) == 0) {
        need(mw_alerts_export(fresh, 0, &again));
        need(again.alert.fingerprint == record.alert.fingerprint);
        need(again.alert.state == record.alert.state && again.elapsed_ms == record.elapsed_ms);
        need(strcmp(again.alert.name, record.alert.name) == 0);
        need(mw_alerts_import(fresh, &record) == -EEXIST);
    }
    strcpy(silence.author, "ann");
    strcpy(silence.rule, "*");
    change(&silence, sizeof(silence), &data, &size);
    memcpy(silence.subject, data, size < MW_ALERT_SUBJECT_MAX ? size : MW_ALERT_SUBJECT_MAX);
    if (mw_alert_silence_check(&silence, error) == 0)
        need(mw_alerts_add_silence(fresh, &silence, &id) == 0 && id != 0);
    tell(fresh);
    mw_alerts_destroy(alerts);
    mw_alerts_destroy(fresh);
    return 0;
}
