/* GET /api/v1/config shows every key with a value of the right type and where it is from. */
#include "config_bench.h"

#include <cjson/cJSON.h>

static cJSON *render(const struct bench *bench)
{
    struct mwd_buffer out;
    cJSON *root;

    mwd_buffer_init(&out, 1 << 20);
    mwd_config_json(bench->config, &out);
    assert_int_equal(out.failed, 0);
    root = cJSON_ParseWithLength(out.bytes, out.size);
    assert_non_null(root);
    mwd_buffer_deinit(&out);
    return root;
}

static const cJSON *value_of(const cJSON *root, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, key), "value");
}

static void every_key_has_value_and_origin(void **state)
{
    struct bench *bench = *state;
    cJSON *root;

    assert_string_equal(bench_load_text(bench, ""), "");
    root = render(bench);
    assert_int_equal(cJSON_GetArraySize(root), mwd_config_key_count + MWD_TITLED_KINDS);
    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        const cJSON *object = cJSON_GetObjectItemCaseSensitive(root, mwd_config_keys[key].name);

        assert_int_equal(cJSON_GetArraySize(object), 2);
        assert_non_null(value_of(root, mwd_config_keys[key].name));
        assert_string_equal(
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "origin")), "default");
    }
    cJSON_Delete(root);
}

static void values_have_their_types(void **state)
{
    struct bench *bench = *state;
    const cJSON *hosts;
    cJSON *root;

    assert_string_equal(bench_load_text(bench, "interval = 1500ms\nmax-body-bytes = 2MB\n"
                                               "keep-fds = 7\ninsecure = true\nhosts = {a, b}\n"
                                               "token-file = '/\"x\\y'\nheap { trace = true }\n"),
                        "");
    root = render(bench);
    assert_string_equal(cJSON_GetStringValue(value_of(root, "interval")), "1500ms");
    assert_string_equal(cJSON_GetStringValue(value_of(root, "max-body-bytes")), "2MB");
    assert_true(cJSON_IsNumber(value_of(root, "keep-fds")));
    assert_int_equal(value_of(root, "keep-fds")->valueint, 7);
    assert_true(cJSON_IsTrue(value_of(root, "insecure")));
    assert_string_equal(cJSON_GetStringValue(value_of(root, "token-file")), "/\"x\\y");
    assert_true(cJSON_IsTrue(value_of(root, "heap.trace")));
    assert_string_equal(cJSON_GetStringValue(value_of(root, "heap.limit")), "64MB");
    hosts = value_of(root, "hosts");
    assert_int_equal(cJSON_GetArraySize(hosts), 2);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(hosts, 1)), "b");
    cJSON_Delete(root);
}

static void empty_list_is_an_empty_array(void **state)
{
    struct bench *bench = *state;
    cJSON *root;

    assert_string_equal(bench_load_text(bench, "listen = {}"), "");
    root = render(bench);
    assert_true(cJSON_IsArray(value_of(root, "listen")));
    assert_int_equal(cJSON_GetArraySize(value_of(root, "listen")), 0);
    cJSON_Delete(root);
}

static const cJSON *titled_of(const cJSON *root, const char *word, const char *title,
                              const char *key)
{
    const cJSON *blocks = cJSON_GetObjectItemCaseSensitive(root, word);

    return cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(blocks, title), key),
        "value");
}

/* Titles may be anything; secrets in addresses and arguments stay where they are. */
static void titled_blocks_are_shown_without_secrets(void **state)
{
    struct bench *bench = *state;
    const cJSON *at;
    cJSON *root;

    assert_string_equal(
        bench_load_text(bench,
                        "sink \"a \\\"b\" { type = webhook url = \"https://h:1/T0/key?x=y\" }\n"
                        "sink c { type = exec command = {\"/bin/x\", \"--token=abc\"} }\n"
                        "sink d { type = alertmanager url = {\"http://a:9093\"} queue = 7 }\n"
                        "alert r { reading = queue.length above = 5 to = d }\n"),
        "");
    root = render(bench);
    at = titled_of(root, "sink", "a \"b", "url");
    assert_string_equal(cJSON_GetArrayItem(at, 0)->valuestring, "https://h:1/***");
    at = titled_of(root, "sink", "c", "command");
    assert_int_equal(cJSON_GetArraySize(at), 2);
    assert_string_equal(cJSON_GetArrayItem(at, 0)->valuestring, "/bin/x");
    assert_string_equal(cJSON_GetArrayItem(at, 1)->valuestring, "***");
    at = titled_of(root, "sink", "d", "url");
    assert_string_equal(cJSON_GetArrayItem(at, 0)->valuestring, "http://a:9093");
    assert_int_equal(titled_of(root, "sink", "d", "queue")->valueint, 7);
    assert_true(cJSON_IsTrue(titled_of(root, "alert", "r", "enabled")));
    assert_string_equal(titled_of(root, "alert", "r", "above")->valuestring, "5");
    assert_null(titled_of(root, "alert", "r", "below"));
    cJSON_Delete(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_key_has_value_and_origin),
        TEST(values_have_their_types),
        TEST(empty_list_is_an_empty_array),
        TEST(titled_blocks_are_shown_without_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
