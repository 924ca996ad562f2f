/* The table, the shipped file and the help say the same. */
#include "config_bench.h"

#include "base/units.h"

#define SHIPPED MW_FIXTURES "/../../conf/memwatchd.conf"

static char *read_shipped(void)
{
    FILE *file = fopen(SHIPPED, "r");
    char *text = calloc(1, 1 << 16);
    size_t size;

    assert_non_null(file);
    assert_non_null(text);
    size = fread(text, 1, (1 << 16) - 1, file);
    assert_true(size > 0 && size < (1 << 16) - 1);
    fclose(file);
    return text;
}

/* Start of the line before `line`, NULL at the top. */
static const char *line_before(const char *text, const char *line)
{
    if (line == text)
        return NULL;
    for (line--; line > text && line[-1] != '\n'; line--)
        ;
    return line;
}

static const char *skip_blanks(const char *line)
{
    return line + strspn(line, " ");
}

/* The comment right above a line, as one line. */
static char *comment_above(const char *text, const char *line)
{
    char *comment = calloc(1, 4096);
    const char *first = line;
    char *at = comment;

    assert_non_null(comment);
    while (line_before(text, first) && *skip_blanks(line_before(text, first)) == '#')
        first = line_before(text, first);
    for (; first < line; first = strchr(first, '\n') + 1) {
        const char *words = skip_blanks(first) + 1;

        at += sprintf(at, "%.*s", (int)strcspn(words, "\n"), words);
    }
    return comment;
}

/* A key of a block stands between the braces of the block, and has its blanks in front. */
static const char *find_setting(const char *text, const struct mwd_key_info *info)
{
    const char *dot = strchr(info->name, '.');
    char line[512], block[64] = "\n";
    const char *at, *end;

    if (dot)
        snprintf(block, sizeof block, "\n%.*s {\n", (int)(dot - info->name), info->name);
    snprintf(line, sizeof line, "\n%s%s = %s\n", dot ? "    " : "", dot ? dot + 1 : info->name,
             info->default_text);
    text = strstr(text, block);
    end = text ? strstr(text, dot ? "\n}\n" : "") : NULL;
    at = text ? strstr(text, line) : NULL;
    if (!at || (dot && at > end))
        fail_msg("not in the shipped file: %s", line + 1);
    return at + 1;
}

static void shipped_file_has_every_key_at_its_default(void **state)
{
    char *text = read_shipped();

    (void)state;
    for (uint32_t key = 0; key < mwd_config_key_count; key++)
        find_setting(text, &mwd_config_keys[key]);
    free(text);
}

static void shipped_file_says_what_each_key_takes(void **state)
{
    char *text = read_shipped();

    (void)state;
    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        const struct mwd_key_info *info = &mwd_config_keys[key];
        char *comment = comment_above(text, find_setting(text, info));

        if (!strstr(comment, info->takes))
            fail_msg("%s: \"%s\" is not in its comment: %s", info->name, info->takes, comment);
        assert_int_equal(info->restart, strstr(comment, "A change needs a restart.") != NULL);
        assert_int_equal(!info->restart, strstr(comment, "A reload ") != NULL);
        free(comment);
    }
    free(text);
}

/* It changes nothing: the effective configuration is that of no file at all. */
static void shipped_file_is_the_default(void **state)
{
    struct bench *bench = *state;

    snprintf(bench->path, sizeof bench->path, "/dev/null");
    bench_load(bench);
    for (uint32_t key = 0; key < mwd_config_key_count; key++)
        assert_string_equal(bench_value(bench, mwd_config_keys[key].name),
                            mwd_config_keys[key].default_text);
    char *text = read_shipped();

    snprintf(bench->path, sizeof bench->path, "%s/m.conf", bench->folder);
    assert_string_equal(bench_load_text(bench, text), "");
    free(text);
    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        const char *name = mwd_config_keys[key].name;

        assert_string_equal(bench_value(bench, name), mwd_config_keys[key].default_text);
        assert_int_equal(strncmp(bench_origin(bench, name), "m.conf:", 7), 0);
    }
}

/* What a number takes is written by hand; here it is held against what is really taken. */
static void bounds_in_words_are_the_real_ones(void **state)
{
    struct bench *bench = *state;

    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        const struct mwd_key_info *info = &mwd_config_keys[key];
        char least[32], most[32], over[48];

        if (info->type != MWD_KEY_SPAN && info->type != MWD_KEY_BYTES &&
            info->type != MWD_KEY_COUNT)
            continue;
        assert_int_equal(sscanf(strstr(info->takes, "from "), "from %31s to %31[^, ]", least, most),
                         2);
        assert_string_equal(bench_load_key(bench, info->name, least), "");
        assert_string_equal(bench_load_key(bench, info->name, most), "");
        snprintf(over, sizeof over, "1%s", most);
        assert_int_equal(bench_load_key(bench, info->name, over)[0], 'm');
    }
}

static void names_are_distinct_and_short(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < mwd_config_key_count; i++) {
        assert_true(strlen(mwd_config_keys[i].name) <= 32);
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(mwd_config_keys[i].name, mwd_config_keys[j].name);
        if (mwd_config_keys[i].flag)
            assert_string_equal(mwd_config_keys[i].flag + 2, mwd_config_keys[i].name);
    }
}

/* Else the dump would open one twice, and could not be read. */
static void keys_of_a_block_stand_together(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < mwd_config_key_count; i++) {
        size_t size = strcspn(mwd_config_keys[i].name, ".");

        for (uint32_t j = i + 1; j < mwd_config_key_count; j++)
            if (mwd_config_keys[i].name[size] && strcspn(mwd_config_keys[j].name, ".") == size &&
                memcmp(mwd_config_keys[i].name, mwd_config_keys[j].name, size + 1) == 0)
                assert_memory_equal(mwd_config_keys[j - 1].name, mwd_config_keys[i].name, size + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shipped_file_has_every_key_at_its_default),
        TEST(shipped_file_says_what_each_key_takes),
        TEST(shipped_file_is_the_default),
        TEST(bounds_in_words_are_the_real_ones),
        TEST(names_are_distinct_and_short),
        TEST(keys_of_a_block_stand_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
