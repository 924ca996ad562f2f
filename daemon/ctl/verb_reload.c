#include "daemon/ctl/ctl.h"

int mwd_ctl_reload(struct mwd_ctl *self)
{
    struct mwd_ctl_answer answer;
    struct mwd_buffer out;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "POST", "/api/v1/reload");
    code = mwd_ctl_fetch(self, "POST", "/api/v1/reload", &answer);
    mwd_buffer_deinit(&answer.body);
    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, 1024);
    mwd_buffer_printf(&out, "reloaded: %s\n", mwd_ctl_address(self));
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}
