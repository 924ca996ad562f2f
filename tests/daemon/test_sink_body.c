/* Bodies of webhooks: valid JSON of 64 KiB at most, whatever comes. */
#include "daemon/sink.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mwd_buffer out;

static int cut(const char *body, size_t size)
{
    mwd_buffer_deinit(&out);
    mwd_buffer_init(&out, 1 << 20);
    return mwd_sink_body(body, size, &out);
}

static void check_same(const char *body, const char *wanted)
{
    assert_int_equal(cut(body, strlen(body)), 0);
    assert_int_equal(out.size, strlen(wanted));
    assert_memory_equal(out.bytes, wanted, out.size);
}

/* Hand it to cJSON_Delete(). */
static cJSON *check_cut(const char *body, size_t size)
{
    assert_int_equal(cut(body, size), 0);
    assert_true(out.size <= MWD_SINK_BODY_MAX);
    cJSON *document = cJSON_ParseWithLength(out.bytes, out.size);
    assert_non_null(document);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(document, "truncated")));
    return document;
}

static void a_small_body_stays(void **state)
{
    (void)state;
    check_same("{}", "{}");
    check_same("{\"a\":[1,-2.5e+3,true,false,null,\"\\u00fc\\n\"],\"b\":{}}",
               "{\"a\":[1,-2.5e+3,true,false,null,\"\\u00fc\\n\"],\"b\":{}}");
    check_same(" { \"a\" : [ ] }\n", "{\"a\":[]}");
}

static void what_is_no_object_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "1",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":01}",
                                      "{\"a\":1.}",
                                      "{\"a\":-}",
                                      "{\"a\":+1}",
                                      "{} x",
                                      "{\"a\":nul}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":\"b"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cut(bad[i], strlen(bad[i])), -EINVAL);
}

static void nesting_has_a_bound(void **state)
{
    char body[128];

    (void)state;
    for (int depth = 31; depth <= 32; depth++) {
        int size = snprintf(body, sizeof body, "{\"a\":%.*s%.*s}", depth,
                            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", depth,
                            "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");

        assert_int_equal(cut(body, (size_t)size), depth < 32 ? 0 : -EINVAL);
    }
}

/* {"a":"xxx..."} of so many bytes. */
static char *make_long(size_t size)
{
    char *body = malloc(size);

    memset(body, 'x', size);
    memcpy(body, "{\"a\":\"", 6);
    memcpy(body + size - 2, "\"}", 2);
    return body;
}

static void the_limit_is_where_it_is_said(void **state)
{
    (void)state;
    for (size_t size = MWD_SINK_BODY_MAX - 1; size <= MWD_SINK_BODY_MAX; size++) {
        char *body = make_long(size);

        assert_int_equal(cut(body, size), 0);
        assert_int_equal(out.size, size);
        free(body);
    }
    char *body = make_long(MWD_SINK_BODY_MAX + 1);
    cJSON *document = check_cut(body, MWD_SINK_BODY_MAX + 1);
    assert_int_equal(strlen(cJSON_GetObjectItem(document, "a")->valuestring), 1024);
    cJSON_Delete(document);
    free(body);
}

/* What comes first stays; what comes last is left out whole. */
static void the_front_is_kept(void **state)
{
    struct mwd_buffer body;

    (void)state;
    mwd_buffer_init(&body, 1 << 20);
    mwd_buffer_puts(&body, "{\"id\":\"one\",\"labels\":{");
    for (int i = 0; i < 4000; i++)
        mwd_buffer_printf(&body, "%s\"label%d\":\"%d some words\"", i ? "," : "", i, i);
    mwd_buffer_puts(&body, "},\"last\":1}");
    cJSON *document = check_cut(body.bytes, body.size);
    assert_string_equal(cJSON_GetObjectItem(document, "id")->valuestring, "one");
    int labels = cJSON_GetArraySize(cJSON_GetObjectItem(document, "labels"));
    assert_true(labels > 1500 && labels < 4000);
    assert_null(cJSON_GetObjectItem(document, "last"));
    assert_true(out.size > MWD_SINK_BODY_MAX - 100);
    cJSON_Delete(document);
    mwd_buffer_deinit(&body);
}

/* A text ends between characters, and two escapes that are one character stay together. */
static void characters_stay_whole(void **state)
{
    static const char *const characters[] = {"\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                             "\\n",      "\\u00fc",      "\\ud83d\\ude00"};

    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        struct mwd_buffer body;

        mwd_buffer_init(&body, 1 << 20);
        mwd_buffer_puts(&body, "{\"a\":\"x");
        while (body.size <= MWD_SINK_BODY_MAX)
            mwd_buffer_puts(&body, characters[i]);
        mwd_buffer_puts(&body, "\"}");
        cJSON *document = check_cut(body.bytes, body.size);
        const char *text = cJSON_GetObjectItem(document, "a")->valuestring;
        assert_non_null(text);
        assert_true(strlen(text) > 150);
        cJSON_Delete(document);
        mwd_buffer_deinit(&body);
    }
}

static int tear_down(void **state)
{
    (void)state;
    mwd_buffer_deinit(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_body_stays),  cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(nesting_has_a_bound), cmocka_unit_test(the_limit_is_where_it_is_said),
        cmocka_unit_test(the_front_is_kept),   cmocka_unit_test(characters_stay_whole),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
