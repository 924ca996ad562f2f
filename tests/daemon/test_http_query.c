/* What comes percent-coded is undone exactly or refused, and a refusal names the word and says
 * what it takes. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const order_words[] = {"desc", "asc", NULL};
static const struct mwd_param params[] = {
    {"limit", "a whole number from 0 to 100", NULL, 0, 100, MWD_PARAM_COUNT, NULL},
    {"order", "desc or asc", order_words, 0, 0, MWD_PARAM_WORD, NULL},
    {"name", "a glob", NULL, 0, 0, MWD_PARAM_TEXT, NULL},
    {"pid", "a whole number from 1 to 9", NULL, 1, 9, MWD_PARAM_COUNT, NULL},
    {"text", "4 bytes", NULL, 0, 4, MWD_PARAM_TEXT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

struct parsed {
    struct mwd_request request;
    struct mwd_http_problem problem;
    char scratch[256];
};

static int parse(struct parsed *self, const char *query)
{
    assert_true(strlen(query) + 2 <= sizeof self->scratch);
    self->request = (struct mwd_request){0};
    return mwd_http_query_parse(query, params, self->scratch, &self->request, &self->problem);
}

static void assert_refused(const char *query, const char *name, const char *says)
{
    struct parsed parsed;

    assert_int_equal(parse(&parsed, query), -EPROTO);
    assert_int_equal(parsed.problem.status, 400);
    assert_non_null(strstr(parsed.problem.detail, name));
    assert_non_null(strstr(parsed.problem.detail, says));
}

static ssize_t decode(const char *text, char *ret)
{
    return mwd_http_decode(text, strlen(text), true, ret);
}

static void decoding_undoes_percent_signs(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(decode("a%20b+c%2B%c3%BC", text), 8);
    assert_string_equal(text, "a b c+\xc3\xbc");
    assert_int_equal(mwd_http_decode("a+b", 3, false, text), 3);
    assert_string_equal(text, "a+b");
    assert_int_equal(decode("", text), 0);
    assert_string_equal(text, "");
}

static void decoding_refuses_what_is_no_text(void **state)
{
    char text[64];

    (void)state;
    assert_int_equal(decode("%", text), -EINVAL);
    assert_int_equal(decode("%4", text), -EINVAL);
    assert_int_equal(decode("%4g", text), -EINVAL);
    assert_int_equal(decode("%g4", text), -EINVAL);
    assert_int_equal(decode("a%00b", text), -EINVAL);
    assert_int_equal(decode("%ff", text), -EILSEQ);
    assert_int_equal(decode("%c3", text), -EILSEQ);
    assert_int_equal(decode("%ed%a0%80", text), -EILSEQ); /* a surrogate */
    assert_int_equal(decode("%c0%80", text), -EILSEQ);    /* NUL, overlong */
    assert_int_equal(mwd_http_decode("\xff", 1, false, text), -EILSEQ);
}

static void words_come_in_any_order(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_int_equal(parse(&parsed, "name=post%2A&&limit=020&order=asc&"), 0);
    assert_string_equal(parsed.request.params[2], "post*");
    assert_string_equal(parsed.request.params[1], "asc");
    assert_int_equal(parsed.request.counts[0], 20);
    assert_int_equal(parse(&parsed, ""), 0);
    assert_null(parsed.request.params[0]);
    assert_int_equal(parse(&parsed, "%6eame=a%3Db"), 0);
    assert_string_equal(parsed.request.params[2], "a=b");
    assert_int_equal(parse(&parsed, "name"), 0);
    assert_string_equal(parsed.request.params[2], "");
}

static void numbers_hold_their_bound(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_int_equal(parse(&parsed, "limit=99"), 0);
    assert_int_equal(parse(&parsed, "limit=100"), 0);
    assert_int_equal(parsed.request.counts[0], 100);
    assert_refused("limit=101", "limit", "from 0 to 100");
    assert_refused("limit=-1", "limit", "from 0 to 100");
    assert_refused("limit=", "limit", "from 0 to 100");
    assert_refused("limit", "limit", "from 0 to 100");
    assert_refused("limit=1e1", "limit", "from 0 to 100");
    assert_refused("limit=+5", "limit", "from 0 to 100"); /* a blank and 5 */
    assert_refused("limit=18446744073709551616", "limit", "from 0 to 100");
    assert_refused("pid=0", "pid", "from 1 to 9");
    assert_int_equal(parse(&parsed, "pid=1"), 0);
    assert_int_equal(parse(&parsed, "pid=9"), 0);
    assert_refused("pid=10", "pid", "from 1 to 9");
}

static void texts_hold_theirs(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_int_equal(parse(&parsed, "text=abc"), 0);
    assert_int_equal(parse(&parsed, "text=ab%c3%bc"), 0);
    assert_refused("text=abc%c3%bc", "text", "4 bytes");
}

static void what_is_not_taken_is_named(void **state)
{
    struct parsed parsed;

    (void)state;
    assert_refused("order=up", "order", "desc or asc");
    assert_refused("order=ASC", "order", "desc or asc");
    assert_refused("sort=rss", "\"sort\"", "limit, order, name");
    assert_refused("=5", "\"\"", "limit, order, name");
    assert_refused("limit=1&limit=1", "limit", "twice");
    assert_refused("name=a&name=b", "name", "twice");
    assert_refused("name=%zz", "name", "a glob");
    assert_refused("name=%ff", "name", "a glob");
    assert_refused("%ff=1", "%ff", "badly encoded");

    assert_int_equal(
        mwd_http_query_parse("a=1", NULL, parsed.scratch, &parsed.request, &parsed.problem),
        -EPROTO);
    assert_non_null(strstr(parsed.problem.detail, "\"a\""));
}

static void a_long_word_is_named_in_part(void **state)
{
    char query[201];

    (void)state;
    memset(query, 'x', 200);
    query[200] = '\0';
    assert_refused(query, "xxxx", "no such query word");
}

static size_t canonical(const char *query, char *ret)
{
    struct parsed parsed;

    assert_int_equal(parse(&parsed, query), 0);
    return mwd_http_query_canonical(params, &parsed.request, ret);
}

/* Two queries share a body exactly if they mean the same. */
static void equal_queries_have_one_key(void **state)
{
    char a[512], b[512];
    size_t size;

    (void)state;
    size = canonical("limit=20&name=x%2Ay", a);
    assert_int_equal(size, canonical("name=x*y&limit=0020", b));
    assert_memory_equal(a, b, size);
    assert_int_equal(canonical("", a), 0);

    size = canonical("name=", a);
    assert_true(size > 0); /* an empty word is not the same as none */
    assert_int_not_equal(canonical("name=5", a), 0);
    size = canonical("limit=5", b);
    assert_true(size != canonical("name=5", a) || memcmp(a, b, size) != 0);
}

static void path_values_are_part_of_the_key(void **state)
{
    const struct mwd_request one = {.path_value = "1"}, two = {.path_value = "2"};
    char a[64], b[64];

    (void)state;
    assert_int_equal(mwd_http_query_canonical(NULL, &one, a), 2);
    assert_int_equal(mwd_http_query_canonical(NULL, &two, b), 2);
    assert_memory_not_equal(a, b, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_undoes_percent_signs),
        cmocka_unit_test(decoding_refuses_what_is_no_text),
        cmocka_unit_test(words_come_in_any_order),
        cmocka_unit_test(numbers_hold_their_bound),
        cmocka_unit_test(texts_hold_theirs),
        cmocka_unit_test(what_is_not_taken_is_named),
        cmocka_unit_test(a_long_word_is_named_in_part),
        cmocka_unit_test(equal_queries_have_one_key),
        cmocka_unit_test(path_values_are_part_of_the_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
