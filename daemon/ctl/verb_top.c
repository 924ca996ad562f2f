/* Drawn in the terminal's other screen, so that what was there comes back; whatever ends it, the
 * terminal is left as it was found. In a pipe one drawing follows the other, without any of that.
 */
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/signals.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { OUT_MAX = 64 << 20, OTHER_ROWS = 12, LEAST_ROWS = 1, PIPE_ROWS = 20 };

struct screen {
    int signals;
    int key_fd; /* -1 = no keys */
    struct termios before;
};

/* ---- the terminal ---- */

static int enter(struct mwd_ctl *self, struct screen *ret)
{
    struct termios raw;

    ret->key_fd = -1;
    ret->signals = mwd_ctl_signals_open();
    if (ret->signals < 0) {
        mwd_ctl_complain("top: signals cannot be waited for: %s", strerror(-ret->signals));
        return MWD_CTL_FAILED;
    }
    if (!self->terminal)
        return MWD_CTL_OK;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &ret->before) == 0) {
        raw = ret->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        ret->key_fd = STDIN_FILENO;
    }
    fputs("\x1b[?1049h\x1b[?25l", stdout);
    fflush(stdout);
    return MWD_CTL_OK;
}

static void leave(struct mwd_ctl *self, struct screen *screen)
{
    if (self->terminal) {
        fputs("\x1b[?25h\x1b[?1049l", stdout);
        fflush(stdout);
    }
    if (screen->key_fd >= 0)
        tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    close(screen->signals);
}

/* ---- one drawing ---- */

static uint64_t rows_for_processes(const struct mwd_ctl *self)
{
    if (self->options->limit != UINT64_MAX)
        return self->options->limit;
    if (!self->terminal)
        return PIPE_ROWS;
    return self->rows > OTHER_ROWS + LEAST_ROWS ? self->rows - OTHER_ROWS : LEAST_ROWS;
}

/* As many lines as there are rows, each cleared to its end; the last has no newline, or the
 * terminal would scroll. */
static void fit(const struct mwd_ctl *self, const struct mwd_buffer *text, struct mwd_buffer *out)
{
    const char *at = text->bytes, *end = text->bytes + text->size;

    mwd_buffer_puts(out, "\x1b[H");
    for (unsigned row = 0; at < end && row < self->rows; row++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = newline ? (size_t)(newline - at) : (size_t)(end - at);

        mwd_buffer_puts(out, row > 0 ? "\r\n" : "");
        mwd_buffer_append(out, at, size);
        mwd_buffer_puts(out, "\x1b[K");
        at += size + 1;
    }
    mwd_buffer_puts(out, "\x1b[J");
}

static int print_drawing(struct mwd_ctl *self, struct mwd_buffer *text)
{
    struct mwd_buffer out;

    if (!self->terminal) {
        mwd_buffer_puts(text, "\n");
        return mwd_ctl_print(text);
    }
    mwd_buffer_init(&out, OUT_MAX);
    fit(self, text, &out);
    int code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

static int draw(struct mwd_ctl *self)
{
    struct mwd_buffer text;
    int code;

    if (self->options->json)
        return mwd_ctl_processes(self);
    mwd_buffer_init(&text, OUT_MAX);
    code = mwd_ctl_put_memory(self, &text);
    mwd_buffer_puts(&text, "\n");
    if (code == MWD_CTL_OK)
        code = mwd_ctl_put_processes(self, rows_for_processes(self), &text);
    if (code == MWD_CTL_OK)
        code = print_drawing(self, &text);
    mwd_buffer_deinit(&text);
    return code;
}

/* ---- again and again ---- */

/* Returns whether to draw again. */
static bool wait_for_next(struct mwd_ctl *self, const struct screen *screen, uint64_t until_ns)
{
    char key = '\0';

    switch (mwd_ctl_wait(screen->signals, screen->key_fd, until_ns, &key)) {
    case MWD_CTL_END:
        return false;
    case MWD_CTL_KEY:
        return key != 'q' && key != 'Q';
    case MWD_CTL_RESIZED:
        mwd_ctl_find_terminal(self);
        return true;
    default:
        return true;
    }
}

static int run(struct mwd_ctl *self, const struct screen *screen)
{
    for (uint64_t done = 1;; done++) {
        uint64_t next = mw_clock_monotonic_ns(mw_clock_system()) + self->options->interval_ns;
        int code = draw(self);

        if (code != MWD_CTL_OK || done >= self->options->count ||
            !wait_for_next(self, screen, next))
            return code;
    }
}

/* A daemon that goes away is complained of when the terminal is back. */
int mwd_ctl_top(struct mwd_ctl *self)
{
    struct screen screen;
    int code;

    if (self->options->json)
        self->terminal = false;
    code = enter(self, &screen);
    if (code != MWD_CTL_OK)
        return code;
    self->quiet = true;
    code = run(self, &screen);
    leave(self, &screen);
    self->quiet = false;
    if (code == MWD_CTL_UNREACHABLE) /* once more, to say why */
        code = draw(self) == MWD_CTL_OK ? MWD_CTL_OK : MWD_CTL_UNREACHABLE;
    return code;
}
