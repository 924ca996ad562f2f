/* /proc/self/mountinfo, one line a mount:
 *
 *     31 30 0:28 /docker/4f1e /sys/fs/cgroup/memory ro,nosuid shared:9 - cgroup cgroup rw,memory
 *                root         mount point                                type        options
 *
 * Of several mounts at one point the last one counts: it hides those before. Of one kind at several
 * points the first counts: the host's own tree, seen once more from within a container, comes
 * later. */
#include "doctor/doctor_internal.h"

#include <string.h>

struct line {
    struct mw_scan root, point, type, options; /* paths as written, with escapes */
};

static bool is_text(struct mw_scan self, const char *text)
{
    return mw_scan_literal(&self, text) && mw_scan_done(&self);
}

/* Takes the next item of a list; the last one has no comma behind it. */
static bool take_item(struct mw_scan *list, struct mw_scan *ret)
{
    if (mw_scan_until(list, ',', ret))
        return true;
    *ret = *list;
    list->at = list->end;
    return !mw_scan_done(ret);
}

static bool has_option(struct mw_scan options, const char *option)
{
    struct mw_scan item;

    while (take_item(&options, &item))
        if (is_text(item, option))
            return true;
    return false;
}

static bool parse_line(struct mw_scan line, struct line *ret)
{
    struct mw_scan skipped;

    for (int i = 0; i < 3; i++)
        if (!mw_scan_until(&line, ' ', &skipped))
            return false;
    if (!mw_scan_until(&line, ' ', &ret->root) || !mw_scan_until(&line, ' ', &ret->point))
        return false;
    do { /* options of the mount, then any number of fields, then "-" */
        if (!mw_scan_until(&line, ' ', &skipped))
            return false;
    } while (!is_text(skipped, "-"));
    if (!mw_scan_until(&line, ' ', &ret->type) || !mw_scan_until(&line, ' ', &skipped))
        return false;
    ret->options = line;
    return true;
}

/* ---- proc ---- */

/* By number up to 5.7, then by name. "ptraceable" hides whatever we may not trace, too. */
static enum mw_doctor_hidepid hidepid_of(struct mw_scan options)
{
    if (has_option(options, "hidepid=1") || has_option(options, "hidepid=noaccess"))
        return MW_DOCTOR_HIDE_FILES;
    if (has_option(options, "hidepid=2") || has_option(options, "hidepid=invisible") ||
        has_option(options, "hidepid=4") || has_option(options, "hidepid=ptraceable"))
        return MW_DOCTOR_HIDE_ALL;
    return MW_DOCTOR_HIDE_NOTHING;
}

/* ---- paths ---- */

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

/* False when it does not fit, or is no text. */
static bool unescape(struct mw_scan text, char ret[MW_DOCTOR_PATH])
{
    size_t size = 0;

    while (!mw_scan_done(&text)) {
        char c = take_character(&text);

        if (size == MW_DOCTOR_PATH - 1 || c == '\0')
            return false;
        ret[size++] = c;
    }
    while (size > 0 && ret[size - 1] == '/')
        size--;
    ret[size] = '\0';
    return true;
}

static void take_mount(const struct line *line, struct mw_doctor_mount *ret)
{
    char point[MW_DOCTOR_PATH], root[MW_DOCTOR_PATH];

    if (!unescape(line->point, point) || !unescape(line->root, root) ||
        (ret->found && strcmp(ret->point, point) != 0))
        return;
    memcpy(ret->root, root, strlen(root) + 1);
    memcpy(ret->point, point, strlen(point) + 1);
    ret->found = true;
}

void mw_doctor_mounts_parse(struct mw_scan text, struct mw_doctor_mounts *ret)
{
    struct mw_scan next;
    struct line line;

    memset(ret, 0, sizeof *ret);
    while (mw_scan_line(&text, &next)) {
        if (!parse_line(next, &line))
            continue;
        if (is_text(line.type, "proc") && is_text(line.point, "/proc")) {
            ret->hidepid = hidepid_of(line.options);
            ret->only_pids = has_option(line.options, "subset=pid");
        } else if (is_text(line.type, "cgroup2")) {
            take_mount(&line, &ret->v2);
        } else if (is_text(line.type, "cgroup") && has_option(line.options, "memory")) {
            take_mount(&line, &ret->memory_v1);
        } else if (is_text(line.type, "tracefs")) {
            take_mount(&line, &ret->tracefs);
        }
    }
}
