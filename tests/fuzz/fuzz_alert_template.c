/* A template of a summary, rendered for an alert whose name and numbers are of chance too. What
 * comes out is bounded and UTF-8; a template that rule_check takes leaves no word in braces
 * unfilled. */
#include "alert/alert.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool truth)
{
    if (!truth)
        abort();
}

static void take(const uint8_t **data, size_t *size, void *ret, size_t wanted)
{
    size_t got = wanted < *size ? wanted : *size;

    memset(ret, 0, wanted);
    memcpy(ret, *data, got);
    *data += got;
    *size -= got;
}

/* Readings and modes that there are; any number but NaN and the infinite. */
static void make_alert(const uint8_t **data, size_t *size, struct mw_alert_rule *rule,
                       struct mw_alert *ret)
{
    struct {
        double value, threshold, limit;
        uint32_t reading;
        uint8_t mode, known;
    } head;

    take(data, size, &head, sizeof(head));
    mw_alert_rule_init(rule);
    rule->mode = head.mode % MW_ALERT_MODE_COUNT;
    *ret = (struct mw_alert){.rule = rule, .reading = head.reading % MW_READING_COUNT};
    ret->value_known = head.known & 1 && head.value - head.value == 0;
    ret->threshold_known = head.known & 2 && head.threshold - head.threshold == 0;
    ret->limit_known = head.known & 4 && head.limit - head.limit == 0;
    ret->value = head.value;
    ret->threshold = head.threshold;
    ret->limit = head.limit;
    ret->key.id = head.known & 8 ? 4711 : 0;
    strcpy(ret->name, "orders");
    strcpy(rule->name, "backlog");
    strcpy(ret->rule_name, "backlog");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char rendered[MW_ALERT_SUMMARY_MAX + 1], error[MW_ALERT_ERROR_MAX];
    struct mw_alert_rule rule;
    struct mw_alert alert;
    size_t length;

    make_alert(&data, &size, &rule, &alert);
    memcpy(rule.summary, data, size < MW_ALERT_SUMMARY_MAX ? size : MW_ALERT_SUMMARY_MAX);
    rule.reading = MW_QUEUE_LENGTH;
    rule.mode = MW_ALERT_VALUE;
    if (mw_alert_rule_check(&rule, error) == 0) {
        length = mw_alert_summary(&alert, rendered);
        need(length == strlen(rendered) && length <= MW_ALERT_SUMMARY_MAX);
        need(mw_utf8_valid(rendered, length));
        need(strstr(rule.summary, "{{") || !strstr(rendered, "{value}"));
    } else {
        need(strnlen(error, sizeof(error)) < sizeof(error));
    }
    length = mw_alert_render(&alert, rule.summary, rendered);
    need(length <= MW_ALERT_SUMMARY_MAX && mw_utf8_valid(rendered, length));
    return 0;
}
