/* A level is a number in the unit of its reading, whatever unit people write. */
#include "daemon/config_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static enum mw_reading find(const char *id)
{
    enum mw_reading reading = mw_reading_find(id, strlen(id));

    assert_int_not_equal(reading, MW_NONE);
    return reading;
}

static void levels_come_out_in_the_readings_unit(void **state)
{
    static const struct {
        const char *reading;
        enum mw_alert_mode mode;
        const char *text;
        double value;
        bool percent;
    } rows[] = {
        {"system.memAvailable", MW_ALERT_VALUE, "512MB", 512.0 * 1024 * 1024, false},
        {"system.memAvailable", MW_ALERT_VALUE, "7.5%", 7.5, true},
        {"system.memAvailable", MW_ALERT_RATE, "-1MB", -1024.0 * 1024, false},
        {"system.memAvailable", MW_ALERT_TIME_TO_EMPTY, "10m", 600, false},
        {"queue.length", MW_ALERT_VALUE, "100", 100, false},
        {"queue.length", MW_ALERT_VALUE, "0.5", 0.5, false},
        {"queue.oldestAgeMs", MW_ALERT_VALUE, "30s", 30000, false},
        {"system.pressureSomeAvg10", MW_ALERT_VALUE, "10%", 10, false},
        {"queue.fillRatio", MW_ALERT_VALUE, "80%", 0.8, false},
        {"queue.fillRatio", MW_ALERT_VALUE, "0.8", 0.8, false},
    };
    struct mw_alert_level level;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!mwd_config_level(find(rows[i].reading), rows[i].mode, rows[i].text, &level))
            fail_msg("%s does not take %s", rows[i].reading, rows[i].text);
        assert_true(fabs(level.amount - rows[i].value) < 1e-9);
        assert_int_equal(level.percent, rows[i].percent);
    }
}

static void what_is_no_level_is_refused(void **state)
{
    static const char *const bad[] = {
        "",    "-1",   "1e3", "0x10", ".5",   "5.",  "inf",
        "nan", "10 %", "%",   "1,5",  "10%%", "--1", "1234567890123456789012345"};
    struct mw_alert_level level;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (mwd_config_level(find("queue.length"), MW_ALERT_VALUE, bad[i], &level))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_false(mwd_config_level(find("queue.length"), MW_ALERT_RATE, "80%", &level));
    assert_false(mwd_config_level(find("system.memTotal"), MW_ALERT_VALUE, "80%", &level));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_come_out_in_the_readings_unit),
        cmocka_unit_test(what_is_no_level_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
