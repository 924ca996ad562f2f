#include "dump_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int read_bytes(const char *bytes, long size, struct mw_dump **ret, char why[MW_DUMP_WHY_MAX])
{
    size_t all = size < 0 ? strlen(bytes) : (size_t)size;
    int fd = memfd_create("dump", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, all), all);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    int r = mw_dump_read(fd, ret, why);
    close(fd);
    return r;
}

struct mw_dump *read_text(const char *text)
{
    char why[MW_DUMP_WHY_MAX];
    struct mw_dump *dump = NULL;

    if (read_bytes(text, -1, &dump, why) < 0)
        fail_msg("refused: %s", why);
    return dump;
}

const char *refused(const char *text)
{
    static char why[MW_DUMP_WHY_MAX];
    struct mw_dump *dump = NULL;

    int r = read_bytes(text, -1, &dump, why);
    if (r != -EBADMSG && r != -EFBIG)
        fail_msg("%d, not refused: %s", r, text);
    return why;
}

struct mw_dump_node node_at(const struct mw_dump *dump, uint32_t position)
{
    struct mw_dump_node node = {.id = 0};

    assert_true(mw_dump_get_node(dump, position, &node));
    return node;
}
