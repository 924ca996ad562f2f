#include "collect/system_internal.h"
#include "tests/lib/collect/system_support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The kernel hands out such a file a page at a time; one read would end at a whole line, and nobody
 * would miss the rest. */
static void a_file_longer_than_a_page_is_read_to_its_end(void **state)
{
    static const char last[] = "VmFlags:";
    int fd = open("/proc/self/smaps", O_RDONLY);
    char page[65536];
    ssize_t first = pread(fd, page, sizeof(page), 0);
    struct mw_text text = {NULL, 0};
    struct mw_scan whole = {NULL, NULL}, line = {NULL, NULL};

    (void)state;
    assert_true(first > 0 && first <= sysconf(_SC_PAGESIZE));
    assert_int_equal(mw_text_read_kept(&text, fd, MW_TEXT_LINES, &whole), 0);
    assert_true(mw_scan_left(&whole) > (size_t)first);
    while (mw_scan_until(&whole, '\n', &line)) {
    }
    assert_true(mw_scan_done(&whole));
    assert_memory_equal(line.at, last, sizeof(last) - 1);
    mw_text_free(&text);
    close(fd);
}

static void a_record_is_read_by_one_read_from_the_start(void **state)
{
    struct text expected = text_of_file("/proc/self/cgroup");
    int fd = open("/proc/self/cgroup", O_RDONLY);
    struct mw_text text = {NULL, 0};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct mw_scan whole = {NULL, NULL};

        assert_int_equal(mw_text_read_kept(&text, fd, MW_TEXT_ONE_RECORD, &whole), 0);
        assert_int_equal(mw_scan_left(&whole), expected.size);
        assert_memory_equal(whole.at, expected.bytes, expected.size);
    }
    assert_int_equal(text.capacity, MW_TEXT_START);
    mw_text_free(&text);
    text_free(&expected);
    close(fd);
}

/* A full buffer may hide the rest of the record: it is said, not guessed. */
static void a_record_that_fills_the_buffer_is_too_long(void **state)
{
    struct tree tree = tree_create();
    char path[128], buffer[16];

    (void)state;
    snprintf(path, sizeof(path), "%s/file", tree.path);
    for (size_t size = sizeof(buffer) - 1; size <= sizeof(buffer) + 1; size++) {
        size_t got = 0;
        int fd;

        tree_write_bytes(&tree, "file", "0123456789abcdefgh", size);
        fd = open(path, O_RDONLY);
        assert_int_equal(mw_text_read_record(fd, buffer, sizeof(buffer), &got),
                         size < sizeof(buffer) ? 0 : -EFBIG);
        close(fd);
    }
    tree_free(&tree);
}

static void errors_come_through(void **state)
{
    struct mw_text text = {NULL, 0};
    struct mw_scan scan;

    (void)state;
    assert_int_equal(mw_text_read_file(&text, AT_FDCWD, "/proc/self/none", &scan), -ENOENT);
    assert_int_equal(mw_text_read_file(&text, AT_FDCWD, "/proc/self", &scan), -EISDIR);
    assert_int_equal(mw_text_read_kept(&text, -1, MW_TEXT_ONE_RECORD, &scan), -EBADF);
    mw_text_free(&text);
    mw_text_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_longer_than_a_page_is_read_to_its_end),
        cmocka_unit_test(a_record_is_read_by_one_read_from_the_start),
        cmocka_unit_test(a_record_that_fills_the_buffer_is_too_long),
        cmocka_unit_test(errors_come_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
