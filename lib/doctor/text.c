#include "doctor/doctor_internal.h"

#include <string.h>

static bool is_text(struct mw_scan self, const char *text)
{
    return mw_scan_literal(&self, text) && mw_scan_done(&self);
}

bool mw_doctor_find_line(struct mw_scan text, const char *name, struct mw_scan *ret)
{
    struct mw_scan line;

    while (mw_scan_line(&text, &line)) {
        if (!mw_scan_literal(&line, name) || !mw_scan_literal(&line, ":"))
            continue;
        mw_scan_blanks(&line);
        *ret = line;
        return true;
    }
    return false;
}

bool mw_doctor_find_number(struct mw_scan text, const char *name, uint64_t *ret)
{
    struct mw_scan line;

    while (mw_scan_line(&text, &line)) {
        if (!mw_scan_literal(&line, name) ||
            !(mw_scan_literal(&line, ":") || mw_scan_literal(&line, " ")))
            continue;
        mw_scan_blanks(&line);
        return mw_scan_u64(&line, ret);
    }
    return false;
}

static int hex_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

bool mw_doctor_find_hex(struct mw_scan text, const char *name, uint64_t *ret)
{
    enum { DIGITS_MAX = 16 };
    struct mw_scan line;
    uint64_t value = 0;

    if (!mw_doctor_find_line(text, name, &line) || mw_scan_done(&line) ||
        mw_scan_left(&line) > DIGITS_MAX)
        return false;
    for (; !mw_scan_done(&line); line.at++) {
        if (hex_of(*line.at) < 0)
            return false;
        value = value << 4 | (uint64_t)hex_of(*line.at);
    }
    *ret = value;
    return true;
}

static bool take_limit(struct mw_scan *line, uint64_t *ret)
{
    mw_scan_blanks(line);
    if (mw_scan_literal(line, "unlimited")) {
        *ret = UINT64_MAX;
        return true;
    }
    return mw_scan_u64(line, ret);
}

bool mw_doctor_find_limit(struct mw_scan text, const char *name, uint64_t *ret_hard)
{
    struct mw_scan line;
    uint64_t soft;

    while (mw_scan_line(&text, &line))
        if (mw_scan_literal(&line, name))
            return take_limit(&line, &soft) && take_limit(&line, ret_hard);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

bool mw_doctor_has_word(struct mw_scan text, const char *word)
{
    while (!mw_scan_done(&text)) {
        struct mw_scan item = {text.at, text.at};

        while (item.end < text.end && !is_blank(*item.end))
            item.end++;
        if (is_text(item, word))
            return true;
        text.at = item.end + (item.end < text.end);
    }
    return false;
}

unsigned mw_doctor_kernel_number(const char *release)
{
    enum { MOST = 10000 };
    struct mw_scan text = mw_scan_over(release, strlen(release));
    uint64_t major, minor;

    if (!mw_scan_u64(&text, &major) || !mw_scan_literal(&text, ".") ||
        !mw_scan_u64(&text, &minor) || major > MOST || minor > MOST)
        return 0;
    return (unsigned)(major * 100 + (minor < 99 ? minor : 99));
}

/* ---- /proc/PID/cgroup: "4:memory:/docker/4f1e" of v1, "0::/system.slice/x.service" of v2 ---- */

static bool has_controller(struct mw_scan list, const char *name)
{
    struct mw_scan item;

    while (mw_scan_until(&list, ',', &item))
        if (is_text(item, name))
            return true;
    return is_text(list, name);
}

bool mw_doctor_find_cgroup(struct mw_scan text, bool v1, char ret[MW_DOCTOR_PATH])
{
    struct mw_scan line, id, controllers;

    while (mw_scan_line(&text, &line)) {
        if (!mw_scan_until(&line, ':', &id) || !mw_scan_until(&line, ':', &controllers))
            continue;
        bool right = v1 ? has_controller(controllers, "memory")
                        : is_text(id, "0") && mw_scan_done(&controllers);
        if (!right || mw_scan_left(&line) >= MW_DOCTOR_PATH || mw_scan_done(&line))
            continue;
        memcpy(ret, line.at, mw_scan_left(&line));
        ret[mw_scan_left(&line)] = '\0';
        return *ret == '/';
    }
    return false;
}
