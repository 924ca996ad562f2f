/* Where the own control group is in the file system.
 *
 * /proc/self/cgroup names the group within its hierarchy, as the reader's cgroup namespace shows
 * it:
 *
 *     4:memory:/docker/4f1e      v1, one line for each set of controllers
 *     0::/system.slice/x.service v2
 *
 * /proc/self/mountinfo says which part of a hierarchy is mounted where:
 *
 *     31 30 0:28 /docker/4f1e /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
 *                root         mount point                     type        options
 *
 * The mounted root is stripped from the group's path and the rest is below the mount point. In a
 * container the two may not fit ("/../../x" is what a namespace shows of groups outside it): then
 * the mount point itself is the best that can be seen. Of several mounts the one that shows the
 * most ancestors is taken, and the later of equal ones, because a later mount hides an earlier. */
#include "collect/cgroup_internal.h"

#include <errno.h>
#include <string.h>

struct mount {
    struct mw_scan root, point; /* as written, with escapes */
    struct mw_scan type, options;
};

static bool scan_is(const struct mw_scan *self, const char *text)
{
    size_t size = strlen(text);

    return mw_scan_left(self) == size && memcmp(self->at, text, size) == 0;
}

/* Takes the next item of a list; the last one has no `stop` behind it. */
static bool take_item(struct mw_scan *list, char stop, struct mw_scan *ret)
{
    if (mw_scan_until(list, stop, ret))
        return true;
    *ret = *list;
    list->at = list->end;
    return !mw_scan_done(ret);
}

static bool has_item(struct mw_scan list, char stop, const char *word)
{
    struct mw_scan item;

    while (take_item(&list, stop, &item))
        if (scan_is(&item, word))
            return true;
    return false;
}

static bool find_path(struct mw_scan text, enum mw_cgroup_version version, struct mw_scan *ret)
{
    struct mw_scan line, id, controllers;

    while (mw_scan_until(&text, '\n', &line)) {
        if (!mw_scan_until(&line, ':', &id) || !mw_scan_until(&line, ':', &controllers))
            continue;
        bool right = version == MW_CGROUP_V2 ? scan_is(&id, "0") && mw_scan_done(&controllers)
                                             : has_item(controllers, ',', "memory");
        if (!right || mw_scan_done(&line) || *line.at != '/')
            continue;
        *ret = line;
        return true;
    }
    return false;
}

static bool parse_mount(struct mw_scan line, struct mount *ret)
{
    struct mw_scan skipped;

    for (int i = 0; i < 3; i++)
        if (!mw_scan_until(&line, ' ', &skipped))
            return false;
    if (!mw_scan_until(&line, ' ', &ret->root) || !mw_scan_until(&line, ' ', &ret->point))
        return false;
    do { /* mount options, then any number of optional fields, then "-" */
        if (!mw_scan_until(&line, ' ', &skipped))
            return false;
    } while (!scan_is(&skipped, "-"));
    if (!mw_scan_until(&line, ' ', &ret->type) || !mw_scan_until(&line, ' ', &skipped))
        return false;
    ret->options = line;
    return true;
}

static bool is_of_version(const struct mount *self, enum mw_cgroup_version version)
{
    if (version == MW_CGROUP_V2)
        return scan_is(&self->type, "cgroup2");
    return scan_is(&self->type, "cgroup") && has_item(self->options, ',', "memory");
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Takes one character, or the three octal digits behind a backslash that stand for one. */
static char take_character(struct mw_scan *text)
{
    const char *at = text->at++;

    if (*at != '\\' || mw_scan_left(text) < 3 || !is_octal(at[1]) || !is_octal(at[2]) ||
        !is_octal(at[3]))
        return *at;
    text->at += 3;
    return (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
}

/* Returns the bytes written, or -ENAMETOOLONG. */
static int unescape(struct mw_scan text, char *buffer, size_t capacity)
{
    size_t size = 0;

    while (!mw_scan_done(&text)) {
        if (size == capacity)
            return -ENAMETOOLONG;
        buffer[size++] = take_character(&text);
    }
    return (int)size;
}

/* Bytes of the path that the mounted root takes, or -1 when the path does not lie below it. */
static int covered_size(const struct mount *self, const struct mw_scan *path)
{
    char root[MW_CGROUP_PATH_MAX];
    int size = unescape(self->root, root, sizeof(root));

    if (size == 1 && root[0] == '/')
        return 0;
    if (size < 0 || (size_t)size > mw_scan_left(path) || memcmp(root, path->at, (size_t)size) != 0)
        return -1;
    bool whole = (size_t)size == mw_scan_left(path) || path->at[size] == '/';
    return whole ? size : -1;
}

/* The mount that shows the most of this path; *ret_below is the part of the path below it. */
static bool find_mount(struct mw_scan text, enum mw_cgroup_version version,
                       const struct mw_scan *path, struct mount *ret, struct mw_scan *ret_below)
{
    bool found = false;
    int best = -1;
    struct mw_scan line;

    while (mw_scan_until(&text, '\n', &line)) {
        struct mount mount;

        if (!parse_mount(line, &mount) || !is_of_version(&mount, version))
            continue;
        int covered = covered_size(&mount, path);
        if (found && best >= 0 && (covered < 0 || covered > best))
            continue;
        found = true;
        best = covered;
        *ret = mount;
    }
    *ret_below = *path;
    ret_below->at = best >= 0 ? path->at + best : path->end;
    return found;
}

static int append(struct mw_cgroup_place *self, struct mw_scan text)
{
    size_t size = mw_scan_left(&text);

    if (size > sizeof(self->dir) - self->size)
        return -ENAMETOOLONG;
    memcpy(self->dir + self->size, text.at, size);
    self->size += size;
    return 0;
}

static void strip_slashes(struct mw_scan *self)
{
    while (!mw_scan_done(self) && self->end[-1] == '/')
        self->end--;
}

/* A mount point that is seen below the prefix already, as when the host's root is mounted at the
 * prefix, stands as it is. */
static bool needs_prefix(const struct mw_scan *prefix, const struct mw_scan *point)
{
    size_t size = mw_scan_left(prefix);

    return size > mw_scan_left(point) || memcmp(prefix->at, point->at, size) != 0 ||
           (size < mw_scan_left(point) && point->at[size] != '/');
}

static int build(const struct mw_scan *prefix, const struct mount *mount, struct mw_scan below,
                 struct mw_cgroup_place *ret)
{
    char bytes[MW_CGROUP_PATH_MAX];
    int point_size = unescape(mount->point, bytes, sizeof(bytes));

    if (point_size < 0)
        return point_size;
    struct mw_scan point = mw_scan_over(bytes, (size_t)point_size);
    strip_slashes(&point);
    strip_slashes(&below);
    if (has_item(below, '/', ".."))
        below.at = below.end;
    ret->size = 0;
    int error = needs_prefix(prefix, &point) ? append(ret, *prefix) : 0;
    if (!error)
        error = append(ret, point);
    ret->mount_size = ret->size;
    return error ? error : append(ret, below);
}

int mw_cgroup_place_find(const struct mw_cgroup_texts *texts, enum mw_cgroup_version version,
                         struct mw_cgroup_place *ret)
{
    struct mw_scan path, below;
    struct mount mount;

    if (!find_path(texts->cgroup, version, &path))
        return -ENODATA;
    if (!find_mount(texts->mountinfo, version, &path, &mount, &below))
        return -ENODATA;
    return build(&texts->prefix, &mount, below, ret);
}

bool mw_cgroup_place_up(struct mw_cgroup_place *self)
{
    size_t size = self->size;

    while (size > self->mount_size && self->dir[size - 1] != '/')
        size--;
    if (size <= self->mount_size)
        return false;
    self->size = size - 1;
    return true;
}
