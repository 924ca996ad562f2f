/* heap snapshot FILE: the daemon's heap into a file, as it comes. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct saving {
    struct mwd_ctl_file file;
    uint64_t bytes;
    int error;
};

static int take(void *context, const char *bytes, size_t size)
{
    struct saving *self = context;

    self->error = mwd_ctl_file_write(&self->file, bytes, size);
    self->bytes += size;
    return self->error;
}

static int complain(const char *path, int r)
{
    if (r == -EEXIST)
        mwd_ctl_complain("heap snapshot: %s is no plain file, and is not replaced by one; give the "
                         "name of a file",
                         path);
    else
        mwd_ctl_complain("heap snapshot: %s cannot be written: %s; nothing of it is left", path,
                         strerror(-r));
    return MWD_CTL_FAILED;
}

static int print_end(struct mwd_ctl *self, const struct saving *saving)
{
    struct mwd_buffer out;
    char size[32];

    mwd_buffer_init(&out, 1 << 16);
    if (self->options->json) {
        cJSON *object = cJSON_CreateObject();

        cJSON_AddStringToObject(object, "file", saving->file.path);
        cJSON_AddNumberToObject(object, "bytes", (double)saving->bytes);
        mwd_ctl_put_json(object, &out);
    } else {
        mwd_ctl_size(self, saving->bytes, size);
        mwd_buffer_printf(&out, "%s: %s; memwatchctl heap diff and Chrome DevTools read it\n",
                          saving->file.path, size);
    }
    int code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_heap_snapshot(struct mwd_ctl *self, const char *path)
{
    struct saving saving = {0};
    int r = mwd_ctl_file_open(path, &saving.file);

    if (r < 0)
        return complain(path, r);
    int code = mwd_ctl_download(self, "POST", "/api/v1/heaps/memwatchd/snapshot", take, &saving);
    r = code == MWD_CTL_OK ? mwd_ctl_file_keep(&saving.file) : saving.error;
    mwd_ctl_file_discard(&saving.file);
    if (r < 0)
        return complain(path, r);
    return code == MWD_CTL_OK ? print_end(self, &saving) : code;
}
