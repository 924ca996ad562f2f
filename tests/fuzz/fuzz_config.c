/* Bytes as a configuration file: errors are lines that can be printed, and what is accepted comes
 * out of the dump in a form that is read back as the same. */
#include "daemon/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static int load(const void *bytes, size_t size, struct mwd_buffer *errors, struct mwd_config **ret)
{
    int fd = memfd_create("config", MFD_CLOEXEC);
    char path[64];
    struct mwd_config_input input = {.path = path};
    int r;

    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r = mwd_config_load(&input, errors, ret);
    close(fd);
    return r;
}

static void check_errors(const struct mwd_buffer *errors)
{
    unsigned lines = 0;

    CHECK(errors->size && errors->bytes[errors->size - 1] == '\n');
    for (size_t i = 0; i < errors->size; i++) {
        lines += errors->bytes[i] == '\n';
        CHECK(errors->bytes[i] == '\n' || !iscntrl((unsigned char)errors->bytes[i]));
    }
    CHECK(lines <= MWD_CONFIG_ERRORS_MAX + 1);
}

static void check_same(const struct mwd_config *a, const struct mwd_config *b)
{
    for (uint32_t key = 0; key < mwd_config_key_count; key++) {
        struct mwd_buffer first, second;

        mwd_buffer_init(&first, SIZE_MAX);
        mwd_buffer_init(&second, SIZE_MAX);
        mwd_config_value(a, key, &first);
        mwd_config_value(b, key, &second);
        CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
        mwd_buffer_deinit(&first);
        mwd_buffer_deinit(&second);
    }
}

/* Without the origins, which differ. */
static void strip_comments(struct mwd_buffer *dump)
{
    char *to = dump->bytes, *end = dump->bytes + dump->size;

    for (char *line = dump->bytes; line < end;) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)(newline - line);
        char *comment = memrchr(line, '#', size);

        if (comment)
            size = (size_t)(comment - line);
        memmove(to, line, size);
        to += size;
        line = newline + 1;
    }
    dump->size = (size_t)(to - dump->bytes);
}

/* Titled blocks too. */
static void check_same_dump(const struct mwd_config *a, const struct mwd_config *b)
{
    struct mwd_buffer first, second;

    mwd_buffer_init(&first, SIZE_MAX);
    mwd_buffer_init(&second, SIZE_MAX);
    mwd_config_dump(a, &first);
    mwd_config_dump(b, &second);
    strip_comments(&first);
    strip_comments(&second);
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    mwd_buffer_deinit(&first);
    mwd_buffer_deinit(&second);
}

static void check_dump(const struct mwd_config *config, struct mwd_buffer *errors)
{
    struct mwd_buffer dump;
    struct mwd_config *again;

    mwd_buffer_init(&dump, SIZE_MAX);
    mwd_config_dump(config, &dump);
    CHECK(!dump.failed);
    CHECK(load(dump.bytes, dump.size, errors, &again) == 0);
    check_same(config, again);
    check_same_dump(config, again);
    mwd_config_destroy(again);
    mwd_buffer_deinit(&dump);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mwd_buffer errors;
    struct mwd_config *config;
    int r;

    mwd_buffer_init(&errors, SIZE_MAX);
    r = load(data, size, &errors, &config);
    CHECK(r >= 0);
    if (r > 0)
        check_errors(&errors);
    else
        check_dump(config, &errors);
    if (r == 0)
        mwd_config_destroy(config);
    mwd_buffer_deinit(&errors);
    return 0;
}
