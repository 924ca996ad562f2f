#include "daemon/ctl/ctl.h"

#include "base/scan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_ELSE = 80, ROWS_ELSE = 24 };

/* What the environment says where the terminal itself does not know, as a serial line does. */
static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    struct mw_scan scan = mw_scan_over(text ? text : "", text ? strlen(text) : 0);
    uint64_t number;

    if (!mw_scan_u64(&scan, &number) || !mw_scan_done(&scan) || number < 1 || number > UINT16_MAX)
        return otherwise;
    return (unsigned)number;
}

void mwd_ctl_find_terminal(struct mwd_ctl *self)
{
    struct winsize size = {0, 0, 0, 0};

    self->terminal = isatty(STDOUT_FILENO);
    if (!self->terminal)
        return;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        size.ws_col = size.ws_row = 0;
    self->columns = size.ws_col ? size.ws_col : from_environment("COLUMNS", COLUMNS_ELSE);
    self->rows = size.ws_row ? size.ws_row : from_environment("LINES", ROWS_ELSE);
}
