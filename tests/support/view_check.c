#include "tests/support/view_check.h"

#include "base/utf8.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_keys_once(const cJSON *tree)
{
    const cJSON *child, *other;

    cJSON_ArrayForEach(child, tree)
    {
        for (other = child->next; cJSON_IsObject(tree) && other; other = other->next)
            assert_string_not_equal(child->string, other->string);
        expect_keys_once(child);
    }
}

cJSON *view_parse(const struct mwd_buffer *out)
{
    char *text = malloc(out->size + 1);
    cJSON *tree;

    assert_int_equal(out->failed, 0);
    assert_non_null(text);
    memcpy(text, out->bytes, out->size);
    text[out->size] = '\0';
    assert_int_equal(strlen(text), out->size);
    assert_true(mw_utf8_valid(text, out->size));
    tree = cJSON_ParseWithOpts(text, NULL, 1);
    if (!tree)
        fail_msg("no JSON: %.200s", text);
    free(text);
    expect_keys_once(tree);
    return tree;
}

const cJSON *view_member(const cJSON *object, const char *key)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);

    if (!member)
        fail_msg("there is no \"%s\"", key);
    return member;
}

static void expect_absent(const cJSON *object, const char *key, enum mw_absence absence)
{
    assert_true(cJSON_IsNull(view_member(object, key)));
    assert_string_equal(cJSON_GetStringValue(view_member(view_member(object, "absent"), key)),
                        mw_absence_word(absence));
}

static double capped(double value)
{
    return fmax(fmin(value, 9007199254740991.0), -9007199254740991.0);
}

void view_expect_value(const cJSON *object, const char *key, enum mw_value_type type,
                       enum mw_absence absence, union mw_value value)
{
    const cJSON *member = view_member(object, key);
    char letter[2] = {(char)value.u, '\0'};

    if (absence != MW_PRESENT) {
        expect_absent(object, key, absence);
        return;
    }
    assert_null(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(object, "absent"), key));
    if (type == MW_VALUE_TEXT) {
        assert_string_equal(cJSON_GetStringValue(member), letter);
        return;
    }
    assert_true(cJSON_IsNumber(member));
    if (type == MW_VALUE_U64)
        assert_true(member->valuedouble == capped((double)value.u));
    else if (type == MW_VALUE_I64)
        assert_true(member->valuedouble == capped((double)value.i));
    else
        assert_true(fabs(member->valuedouble - value.f) <=
                    0.50001e-6 + fabs(value.f) * DBL_EPSILON);
}

void view_expect_text(const cJSON *object, const char *key, struct mw_subject_text text)
{
    const char *shown;

    if (text.absence != MW_PRESENT) {
        expect_absent(object, key, text.absence);
        return;
    }
    shown = cJSON_GetStringValue(view_member(object, key));
    assert_non_null(shown);
    assert_int_equal(strlen(shown), text.size);
    assert_memory_equal(shown, text.bytes, text.size);
}

int view_expect_reading(const cJSON *object, const char *key, const struct mw_sample *sample,
                        enum mw_reading reading, uint32_t row)
{
    union mw_value value = {0};
    enum mw_absence absence = mw_sample_get(sample, reading, row, &value);

    view_expect_value(object, key, mw_reading_info(reading)->value, absence, value);
    return absence != MW_PRESENT;
}

void view_expect_absent_count(const cJSON *object, int count)
{
    const cJSON *absent = cJSON_GetObjectItemCaseSensitive(object, "absent");

    assert_int_equal(absent ? cJSON_GetArraySize(absent) : 0, count);
    assert_true(count > 0 || !absent);
}

void view_expect_head(const cJSON *object, const struct mw_sample *sample)
{
    const cJSON *time = cJSON_GetArrayItem(object, 0), *seq = cJSON_GetArrayItem(object, 1);

    assert_string_equal(time->string, "timeMs");
    assert_string_equal(seq->string, "seq");
    assert_true(cJSON_GetNumberValue(time) == (double)mw_sample_time_ms(sample));
    assert_true(cJSON_GetNumberValue(seq) == (double)mw_sample_seq(sample));
}

static void expect_order(const cJSON *object, int before)
{
    static const char *const front[] = {"pid", "startTimeMs", "name"};
    uint16_t readings = mw_source_columns(MW_SOURCE_PROCESS);
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);

    for (int i = 0; i < 3; i++)
        assert_string_equal(cJSON_GetArrayItem(object, before + i)->string, front[i]);
    for (uint16_t i = 0; i < readings; i++)
        assert_string_equal(cJSON_GetArrayItem(object, before + 3 + i)->string,
                            mw_reading_info(first + i)->key);
    assert_string_equal(cJSON_GetArrayItem(object, before + 3 + readings)->string, "cgroup");
}

void view_expect_process(const cJSON *object, const struct mwd_view_input *input, uint32_t row,
                         int before)
{
    const struct mw_block *block = mw_sample_block(input->sample, MW_SOURCE_PROCESS);
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);
    uint16_t readings = mw_source_columns(MW_SOURCE_PROCESS);
    struct mw_subject subject;
    int absent;

    assert_true(mw_subjects_at(input->subjects, block, row, &subject));
    view_expect_value(object, "pid", MW_VALUE_U64, MW_PRESENT,
                      (union mw_value){.u = subject.key.id});
    view_expect_value(object, "startTimeMs", MW_VALUE_U64, subject.birth_absence,
                      (union mw_value){.u = subject.key.birth});
    view_expect_text(object, "name", subject.name);
    view_expect_text(object, "cgroup", subject.cgroup);
    absent = !subject.key.birth + (subject.name.absence != MW_PRESENT) +
             (subject.cgroup.absence != MW_PRESENT);
    for (uint16_t i = 0; i < readings; i++)
        absent += view_expect_reading(object, mw_reading_info(first + i)->key, input->sample,
                                      first + i, row);
    view_expect_absent_count(object, absent);
    expect_order(object, before);
    assert_int_equal(cJSON_GetArraySize(object), before + 4 + readings + (absent > 0));
}

struct mwd_view_input view_input(const struct synthetic *synthetic)
{
    return (struct mwd_view_input){.sample = synthetic->sample, .subjects = synthetic->subjects};
}
