/* /proc/PID/cgroup in any bytes: the path lies in the text, in one line of it, and is absolute. */
#include "collect/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *path = NULL;
    size_t path_size = 0;
    bool v1 = false;
    int error = mw_parse_cgroup(text, size, &path, &path_size, &v1);

    if (error < 0) {
        expect(error == -ENODATA || error == -EINVAL);
        return 0;
    }
    expect(error == 0 && path > text && path_size > 0);
    expect(path_size < size && path + path_size < text + size && path[path_size] == '\n');
    expect(path[0] == '/' && memchr(path, '\n', path_size) == NULL);
    expect(path[-1] == ':');
    expect(!v1 || memmem(text, size, "memory", 6) != NULL);
    return 0;
}
