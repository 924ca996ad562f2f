#include "daemon/ctl/completion.h"

int mwd_ctl_completion(struct mwd_ctl *self)
{
    struct mwd_buffer out;
    int code;

    mwd_buffer_init(&out, 1 << 20);
    mwd_ctl_put_completion(self->options->operand, &out);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}
