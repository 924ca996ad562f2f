/* Lines of a word and a number. */
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <string.h>

static const char *const keys[] = {"anon", "file", "oom_kill"};
enum { KEYS = 3, ALL = 7 };

static int parse(const char *string, uint64_t values[KEYS], uint32_t *ret_found)
{
    struct text text = text_of(string);
    int error = mw_parse_keyed(text.bytes, text.size, keys, KEYS, values, ret_found);

    text_free(&text);
    return error;
}

static void numbers_are_found_wherever_they_stand(void **state)
{
    uint64_t values[KEYS] = {0};
    uint32_t found = 0;

    (void)state;
    assert_int_equal(
        parse("oom_kill 3\nanon_thp 5\nfile 0\nanon 9007199254740991\n", values, &found), 0);
    assert_int_equal(found, ALL);
    assert_int_equal(values[0], MW_READING_MAX);
    assert_int_equal(values[1], 0);
    assert_int_equal(values[2], 3);
}

/* What is not there is not found, which is no error: kernels differ. */
static void what_is_not_there_is_not_found(void **state)
{
    uint64_t values[KEYS] = {4711, 4711, 4711};
    uint32_t found = 0;

    (void)state;
    assert_int_equal(parse("oom_kill_disable 0\nunder_oom 0\n", values, &found), 0);
    assert_int_equal(found, 0);
    assert_int_equal(parse("file 8\n", values, &found), 0);
    assert_int_equal(found, 2);
    assert_int_equal(values[0], 4711);
    assert_int_equal(values[1], 8);
}

static void the_first_of_equal_lines_counts(void **state)
{
    uint64_t values[KEYS] = {0};
    uint32_t found = 0;

    (void)state;
    assert_int_equal(parse("anon 1\nanon 2\n", values, &found), 0);
    assert_int_equal(values[0], 1);
    assert_int_equal(parse("anon x\nanon 2\n", values, &found), -EINVAL);
    assert_int_equal(found, 0);
}

/* A line that makes no sense takes only its own number away. */
static void nonsense_is_named_and_not_taken(void **state)
{
    static const struct {
        const char *text;
        int error;
        uint32_t found;
    } cases[] = {
        {"", -ENODATA, 0},
        {"anon 12", -ENODATA, 0},
        {"file 1\nanon 12", -ENODATA, 2},
        {"anon -1\nfile 2\n", -EINVAL, 2},
        {"anon \nfile 2\n", -EINVAL, 2},
        {"anon 1 \nfile 2\n", -EINVAL, 2},
        {"anon 1x\nfile 2\n", -EINVAL, 2},
        {"anon 9007199254740992\nfile 2\n", -ERANGE, 2},
        {"anon 99999999999999999999\nfile 2\n", -ERANGE, 2},
        {"\n\nfile 2\n", 0, 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t values[KEYS] = {0};
        uint32_t found = ALL;

        assert_int_equal(parse(cases[i].text, values, &found), cases[i].error);
        assert_int_equal(found, cases[i].found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_found_wherever_they_stand),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(the_first_of_equal_lines_counts),
        cmocka_unit_test(nonsense_is_named_and_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
