#include "doctor/doctor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LEVELS_MAX = 64 };

/* The hierarchy whose memory controller counts, and the own group in it. */
struct place {
    const struct mw_doctor_mount *mount; /* NULL: there is none */
    bool v1;
    bool outside; /* the group lies beyond what is mounted here; `dir` is the topmost that is */
    char dir[2 * MW_DOCTOR_PATH];
    size_t mount_size; /* of `dir`: the mount point */
};

/* ---- which hierarchy ---- */

/* 0 when it has one, -ENODEV when not. */
static int find_controller(struct mw_doctor_scene *scene, const struct mw_doctor_mount *v2)
{
    char path[MW_DOCTOR_PATH + 32];
    struct mw_scan text;

    snprintf(path, sizeof path, "%s/cgroup.controllers", v2->point);
    int error = mw_doctor_read(scene, path, &text);
    if (error)
        return error;
    return mw_doctor_has_word(text, "memory") ? 0 : -ENODEV;
}

static void say_v2(const struct mw_doctor_mount *v2, int error, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "v2 at %.64s", v2->point);
    } else if (error == -ENODEV) {
        mw_doctor_say(row, MW_DOCTOR_NO, "v2 at %.64s offers no memory controller", v2->point);
        mw_doctor_advise(row, "take cgroup_disable=memory off the kernel's command line (or add "
                              "cgroup_enable=memory); in a container have it delegated");
    } else {
        mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "v2 at %.64s, but cgroup.controllers: %s", v2->point,
                      strerror(-error));
        mw_doctor_advise(row, "let this process read /sys/fs/cgroup");
    }
}

static void advise_v2(struct mw_doctor_row *row)
{
    mw_doctor_advise(row, "boot with systemd.unified_cgroup_hierarchy=1: v2 adds memory.events, "
                          "memory.peak and pressure of each group");
}

static void say_no_groups(const struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    if (scene->mounts_error)
        mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "/proc/self/mountinfo: %s",
                      strerror(-scene->mounts_error));
    else
        mw_doctor_say(row, MW_DOCTOR_NO, "no hierarchy with a memory controller is mounted");
    mw_doctor_advise(row, "a kernel with CONFIG_MEMCG, and cgroup2 mounted at /sys/fs/cgroup");
}

void mw_doctor_check_cgroup(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    const struct mw_doctor_mounts *mounts = &scene->mounts;

    if (mounts->memory_v1.found) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY, "%s: the memory controller is on v1, at %.64s",
                      mounts->v2.found ? "hybrid" : "v1", mounts->memory_v1.point);
        advise_v2(row);
    } else if (!mounts->v2.found) {
        say_no_groups(scene, row);
    } else {
        say_v2(&mounts->v2, find_controller(scene, &mounts->v2), row);
    }
}

/* ---- the own group ---- */

/* What is left of the path below the mounted root; NULL when it does not lie there. */
static const char *below(const char *root, const char *path)
{
    size_t size = strlen(root);

    if (strncmp(path, root, size) != 0 || (path[size] != '/' && path[size] != '\0'))
        return NULL;
    return strstr(path, "/..") ? NULL : path + size;
}

static void find_place(struct mw_doctor_scene *scene, struct place *ret)
{
    char path[MW_DOCTOR_PATH] = "";
    struct mw_scan text;

    memset(ret, 0, sizeof *ret);
    ret->v1 = scene->mounts.memory_v1.found;
    const struct mw_doctor_mount *mount = ret->v1 ? &scene->mounts.memory_v1 : &scene->mounts.v2;
    if (!mount->found || mw_doctor_read(scene, "proc/self/cgroup", &text) < 0 ||
        !mw_doctor_find_cgroup(text, ret->v1, path))
        return;
    const char *rest = below(mount->root, path);
    ret->mount = mount;
    ret->outside = rest == NULL;
    ret->mount_size = strlen(mount->point);
    snprintf(ret->dir, sizeof ret->dir, "%s%s", mount->point, rest ? rest : "");
    for (size_t size = strlen(ret->dir); size > ret->mount_size && ret->dir[size - 1] == '/';)
        ret->dir[--size] = '\0';
}

/* "max" is none; v1 has a number beyond any memory for it. */
static int read_limit(struct mw_doctor_scene *scene, const struct place *place, uint64_t *ret)
{
    static const uint64_t none_from = UINT64_MAX / 2 - (1 << 20);
    char path[sizeof place->dir + 32];
    struct mw_scan text;

    snprintf(path, sizeof path, "%s/%s", place->dir,
             place->v1 ? "memory.limit_in_bytes" : "memory.max");
    int error = mw_doctor_read(scene, path, &text);
    if (error)
        return error;
    *ret = UINT64_MAX;
    if (mw_scan_literal(&text, "max"))
        return 0;
    if (!mw_scan_u64(&text, ret))
        return -EINVAL;
    *ret = *ret >= none_from ? UINT64_MAX : *ret;
    return 0;
}

static bool go_up(struct place *place)
{
    char *slash = strrchr(place->dir + place->mount_size, '/');

    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* The smallest limit from the own group up. *ret_files counts those that could be read: the topmost
 * group has none. */
static int find_limit(struct mw_doctor_scene *scene, struct place place, uint64_t *ret,
                      unsigned *ret_files)
{
    int level = 0;

    *ret = UINT64_MAX;
    *ret_files = 0;
    do {
        uint64_t limit = UINT64_MAX;
        int error = read_limit(scene, &place, &limit);

        if (error && error != -ENOENT)
            return error;
        *ret_files += error == 0;
        *ret = limit < *ret ? limit : *ret;
    } while (++level < LEVELS_MAX && go_up(&place));
    return 0;
}

static void say_limit(const struct place *place, uint64_t limit, struct mw_doctor_row *row)
{
    char size[32] = "none is set";

    if (limit != UINT64_MAX)
        mw_doctor_format_size(limit, size);
    if (!place->outside) {
        mw_doctor_say(row, MW_DOCTOR_YES, "%s", size);
        return;
    }
    mw_doctor_say(row, MW_DOCTOR_PARTLY,
                  "%s in the topmost group that is mounted here; the own "
                  "group lies outside of it",
                  size);
    mw_doctor_advise(row, "mount the own group's hierarchy here (the container's own cgroup "
                          "namespace, or the host's /sys/fs/cgroup)");
}

void mw_doctor_check_cgroup_limit(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct place place;
    uint64_t limit;
    unsigned files;

    find_place(scene, &place);
    if (!place.mount) {
        say_no_groups(scene, row);
        return;
    }
    int error = find_limit(scene, place, &limit, &files);
    if (error) {
        mw_doctor_say(row, MW_DOCTOR_NO, "limit files at %.64s: %s", place.dir, strerror(-error));
        mw_doctor_advise(row, "let this process read its own control group");
    } else if (files == 0 && place.dir[place.mount_size] != '\0') {
        mw_doctor_say(row, MW_DOCTOR_NO, "the memory controller is not on at %.64s", place.dir);
        mw_doctor_advise(row, "MemoryAccounting=yes in the unit (+memory in cgroup.subtree_control "
                              "of the groups above)");
    } else {
        say_limit(&place, limit, row);
    }
}

/* ---- events ---- */

static int try_file(const struct mw_doctor_scene *scene, const struct place *place,
                    const char *name, int flags)
{
    char path[sizeof place->dir + 32];

    snprintf(path, sizeof path, "%s/%s", place->dir, name);
    int fd = mw_doctor_open(scene, path, flags);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static void say_v1_events(int error, struct mw_doctor_row *row)
{
    if (error == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "v1: steps of a limit, and the OOM killer");
        return;
    }
    mw_doctor_say(row, MW_DOCTOR_NO, "v1: cgroup.event_control for writing: %s", strerror(-error));
    mw_doctor_advise(row, "ProtectControlGroups=no in the unit; v2 needs no writing");
}

static void say_v2_events(const struct place *place, int error, struct mw_doctor_row *row)
{
    bool topmost = place->dir[place->mount_size] == '\0';

    if (error == 0 || (error == -ENOENT && topmost)) {
        mw_doctor_say(row, MW_DOCTOR_YES, "v2: memory.high, memory.max and the OOM killer");
        return;
    }
    mw_doctor_say(row, MW_DOCTOR_NO, "v2: memory.events at %.64s: %s", place->dir,
                  strerror(-error));
    mw_doctor_advise(row, "MemoryAccounting=yes in the unit");
}

/* Nothing is written: whether the kernel lets the file be opened for that is the question. */
void mw_doctor_check_cgroup_events(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    struct place place;

    find_place(scene, &place);
    if (!place.mount)
        say_no_groups(scene, row);
    else if (place.v1)
        say_v1_events(try_file(scene, &place, "cgroup.event_control", O_WRONLY), row);
    else
        say_v2_events(&place, try_file(scene, &place, "memory.events", O_RDONLY), row);
}
