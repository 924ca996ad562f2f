#include "daemon/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 2048, UNIT_STEP = 1024 };

/* What stands in a message may come from the other side. */
static void make_harmless(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

void mwd_ctl_complain(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    make_harmless(line);
    fprintf(stderr, "memwatchctl: %s\n", line);
}

static int fail_to_print(int error)
{
    if (error == EPIPE)
        mwd_ctl_complain("standard output: its reader has gone before the end");
    else
        mwd_ctl_complain("standard output: %s; what was printed is not all", strerror(error));
    return MWD_CTL_FAILED;
}

int mwd_ctl_print(const struct mwd_buffer *text)
{
    size_t done = 0;

    if (text->failed) {
        mwd_ctl_complain("no memory for what is to be printed; ask for less, as with --limit");
        return MWD_CTL_FAILED;
    }
    while (done < text->size) {
        ssize_t written = write(STDOUT_FILENO, text->bytes + done, text->size - done);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_to_print(errno);
        done += (size_t)written;
    }
    return MWD_CTL_OK;
}

void mwd_ctl_size(const struct mwd_ctl *self, uint64_t bytes, char ret[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = (double)bytes;
    unsigned unit = 0;

    if (self->options->bytes) {
        snprintf(ret, 32, "%llu", (unsigned long long)bytes);
        return;
    }
    /* What would be printed as 1024.0 is 1.0 of the next unit. */
    for (; size >= (unit ? UNIT_STEP - 0.05 : UNIT_STEP) && unit < 6; unit++)
        size /= UNIT_STEP;
    snprintf(ret, 32, "%.*f %s", unit > 0, size, units[unit]);
}

void mwd_ctl_size_at(const struct mwd_ctl *self, const struct cJSON *object, const char *key,
                     char ret[32])
{
    uint64_t bytes;

    if (mwd_ctl_number(object, key, &bytes))
        mwd_ctl_size(self, bytes, ret);
    else
        snprintf(ret, 32, "-");
}
