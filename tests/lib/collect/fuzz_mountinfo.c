/* /proc/self/cgroup and /proc/self/mountinfo in any bytes, parted by a NUL byte: the path that is
 * made of them stays below the mount point that it names, and the way up ends there. */
#include "collect/cgroup_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void expect_no_way_out(const struct mw_cgroup_place *place)
{
    const char *at = place->dir + place->mount_size;
    const char *end = place->dir + place->size;

    expect(at == end || *at == '/');
    for (; at < end; at++) {
        bool part = *at == '/' && end - at >= 3 && at[1] == '.' && at[2] == '.';

        expect(!part || (end - at > 3 && at[3] != '/'));
    }
}

static void walk_up(struct mw_cgroup_place *place)
{
    size_t before = place->size;

    while (mw_cgroup_place_up(place)) {
        expect(place->size < before && place->size >= place->mount_size);
        before = place->size;
    }
    expect(place->size == before);
}

static void try_place(const struct mw_cgroup_texts *texts, enum mw_cgroup_version version)
{
    struct mw_cgroup_place place;
    int error = mw_cgroup_place_find(texts, version, &place);
    size_t prefix = mw_scan_left(&texts->prefix);

    expect(error == 0 || error == -ENODATA || error == -ENAMETOOLONG);
    if (error)
        return;
    expect(place.mount_size <= place.size && place.size <= MW_CGROUP_PATH_MAX);
    expect(place.mount_size >= prefix && !memcmp(place.dir, texts->prefix.at, prefix));
    expect_no_way_out(&place);
    walk_up(&place);
}

static void try_limit(struct mw_scan text)
{
    uint64_t limit;
    int error = mw_cgroup_limit_parse(text, &limit);

    expect(error == 0 || error == -EINVAL || error == -ERANGE);
    expect(error || limit == UINT64_MAX || limit < UINT64_C(1) << 63);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char host[] = "/host";
    struct mw_cgroup_texts texts = {.mountinfo = mw_scan_over((const char *)data, size)};

    try_limit(texts.mountinfo);
    if (!mw_scan_until(&texts.mountinfo, 0, &texts.cgroup))
        return 0;
    for (int with_prefix = 0; with_prefix < 2; with_prefix++) {
        texts.prefix = mw_scan_over(host, with_prefix ? sizeof(host) - 1 : 0);
        try_place(&texts, MW_CGROUP_V1);
        try_place(&texts, MW_CGROUP_V2);
    }
    return 0;
}
