/* Whatever stands where a file should be is either read or named; nothing is waited for. */
#include "config_bench.h"

#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static const char *load_size(struct bench *bench, size_t size)
{
    char *bytes = malloc(size);

    assert_non_null(bytes);
    memset(bytes, '\n', size);
    memcpy(bytes + size - 14, "interval = 2s\n", 14);
    bench_write_bytes(bench, "m.conf", bytes, size);
    free(bytes);
    bench_load(bench);
    return bench->said;
}

static void one_mebibyte_is_the_most(void **state)
{
    struct bench *bench = *state;

    assert_string_equal(load_size(bench, MIB - 1), "");
    assert_string_equal(load_size(bench, MIB), "");
    assert_string_equal(bench_value(bench, "interval"), "2s");
    assert_string_equal(load_size(bench, MIB + 1),
                        "m.conf: is over 1 MiB, which no configuration needs\n");
    snprintf(bench->path, sizeof bench->path, "/dev/zero");
    bench_load(bench);
    assert_string_equal(bench->said, "/dev/zero: is over 1 MiB, which no configuration needs\n");
}

static void nul_byte_is_named_with_its_line(void **state)
{
    struct bench *bench = *state;

    bench_write_bytes(bench, "m.conf", "interval = 2s\n\nkeep\0-fds", 24);
    bench_load(bench);
    assert_string_equal(bench->said, "m.conf:3: a NUL byte: this is not a text file\n");
    bench_write_bytes(bench, "m.conf", "", 1);
    bench_load(bench);
    assert_string_equal(bench->said, "m.conf:1: a NUL byte: this is not a text file\n");
}

static void what_is_no_file_is_refused(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(mkdir(bench->path, 0700), 0);
    bench_load(bench);
    assert_string_equal(bench->said, "m.conf: is a directory and not a file\n");
    assert_int_equal(rmdir(bench->path), 0);
    assert_int_equal(mkfifo(bench->path, 0600), 0);
    bench_load(bench);
    assert_string_equal(bench->said, "m.conf: is not a regular file\n");
    assert_int_equal(unlink(bench->path), 0);
    assert_int_equal(symlink(bench->path, bench->path), 0);
    bench_load(bench);
    assert_string_equal(bench->said, "m.conf: Too many levels of symbolic links\n");
}

static void file_that_may_not_be_read_is_named(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "m.conf", "");
    assert_int_equal(chmod(bench->path, 0), 0);
    assert_int_equal(chmod(bench->folder, 0755), 0);
    if (geteuid() == 0)
        assert_int_equal(seteuid(65534), 0);
    bench_load(bench);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_string_equal(bench->said, "m.conf: Permission denied\n");
}

/* The usual way to say "no file". */
static void dev_null_is_an_empty_file(void **state)
{
    struct bench *bench = *state;

    snprintf(bench->path, sizeof bench->path, "/dev/null");
    bench_load(bench);
    assert_string_equal(bench->said, "");
}

/* ---- drop-ins ---- */

static void only_names_that_end_in_conf_are_dropins(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d/.hidden.conf", "wrong = 1");
    bench_write(bench, "memwatchd.d/a.conf~", "wrong = 1");
    bench_write(bench, "memwatchd.d/a.conf.dpkg-old", "wrong = 1");
    bench_write(bench, "memwatchd.d/README", "wrong = 1");
    bench_write(bench, "memwatchd.d/.conf", "wrong = 1");
    bench_write(bench, "memwatchd.d/folder/x.conf", "wrong = 1");
    bench_write(bench, "memwatchd.d/good.conf", "interval = 2s");
    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_origin(bench, "interval"), "memwatchd.d/good.conf:1");
}

/* Somebody meant it to be there: it is not passed over. */
static void dropin_that_is_no_file_is_an_error(void **state)
{
    struct bench *bench = *state;
    char path[128];

    bench_write(bench, "memwatchd.d/a.conf", "interval = 3s");
    bench_write(bench, "memwatchd.d/folder.conf/x", "interval = 4s");
    snprintf(path, sizeof path, "%s/memwatchd.d/z.conf", bench->folder);
    assert_int_equal(symlink("nowhere", path), 0);
    assert_string_equal(bench_load_text(bench, ""),
                        "memwatchd.d/folder.conf: is a directory and not a file\n"
                        "memwatchd.d/z.conf: No such file or directory\n");
}

static void link_to_a_file_is_a_dropin(void **state)
{
    struct bench *bench = *state;
    char path[128];

    bench_write(bench, "memwatchd.d/x", "interval = 3s");
    snprintf(path, sizeof path, "%s/memwatchd.d/y.conf", bench->folder);
    assert_int_equal(symlink("x", path), 0);
    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_value(bench, "interval"), "3s");
}

static void order_is_that_of_bytes_in_names(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d/10.conf", "keep-fds = 10");
    bench_write(bench, "memwatchd.d/9.conf", "keep-fds = 9");
    bench_write(bench, "memwatchd.d/Z.conf", "max-streams = 1");
    bench_write(bench, "memwatchd.d/a.conf", "max-streams = 2");
    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_value(bench, "keep-fds"), "9");
    assert_string_equal(bench_value(bench, "max-streams"), "2");
}

static void fill_folder(struct bench *bench, unsigned from, unsigned to)
{
    for (; from < to; from++) {
        char name[64], text[64];

        snprintf(name, sizeof name, "memwatchd.d/%03u.conf", from);
        snprintf(text, sizeof text, "keep-fds = %u", from);
        bench_write(bench, name, text);
    }
}

static void folder_holds_256_files(void **state)
{
    struct bench *bench = *state;

    fill_folder(bench, 0, 255);
    assert_string_equal(bench_load_text(bench, ""), "");
    fill_folder(bench, 255, 256);
    assert_string_equal(bench_load_text(bench, ""), "");
    assert_string_equal(bench_value(bench, "keep-fds"), "255");
    fill_folder(bench, 256, 257);
    assert_string_equal(bench_load_text(bench, ""), "memwatchd.d: has more than 256 files\n");
}

static void file_in_the_folders_place_is_an_error(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "memwatchd.d", "");
    assert_string_equal(bench_load_text(bench, ""), "memwatchd.d: Not a directory\n");
}

/* Without a slash in its name the file stands in the current folder, and so do its drop-ins. */
static void dropins_of_a_bare_name_are_in_this_folder(void **state)
{
    struct bench *bench = *state;

    bench_write(bench, "m.conf", "");
    bench_write(bench, "memwatchd.d/a.conf", "interval = 4s");
    assert_int_equal(chdir(bench->folder), 0);
    snprintf(bench->path, sizeof bench->path, "m.conf");
    bench_load(bench);
    assert_int_equal(chdir("/"), 0);
    assert_string_equal(bench->said, "");
    assert_string_equal(bench_origin(bench, "interval"), "memwatchd.d/a.conf:1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_mebibyte_is_the_most),
        TEST(nul_byte_is_named_with_its_line),
        TEST(what_is_no_file_is_refused),
        TEST(file_that_may_not_be_read_is_named),
        TEST(dev_null_is_an_empty_file),
        TEST(only_names_that_end_in_conf_are_dropins),
        TEST(link_to_a_file_is_a_dropin),
        TEST(dropin_that_is_no_file_is_an_error),
        TEST(order_is_that_of_bytes_in_names),
        TEST(folder_holds_256_files),
        TEST(file_in_the_folders_place_is_an_error),
        TEST(dropins_of_a_bare_name_are_in_this_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
