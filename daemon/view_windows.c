/* Windows of readings as metrics. Their names are made of the reading's: the unit stays last, as it
 * must, so memwatch_heap_used_bytes has memwatch_heap_used_min_bytes{window="15s"}. A window that
 * is not full yet is shown with what is in it, and how long values have been known stands beside
 * it. It is shown when the reading itself is. */
#include "daemon/view_internal.h"
#include "daemon/windows.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { NAME_ROOM = 128 };

/* One family that is being written. */
struct family {
    const struct mwd_view_input *input;
    uint32_t number; /* in mwd_window_readings */
    enum mwd_exposition form;
    bool headed;
    uint32_t left; /* subjects that may still be shown */
    char name[NAME_ROOM];
    const char *unit; /* or NULL */
    const char *help;
};

struct subject {
    const char *name; /* NULL: of a kind with one */
    const struct mw_window *window;
};

/* ---- subjects ---- */

static bool group_at(const struct mwd_view_input *input, uint32_t at, struct subject *ret)
{
    if (!input->groups || at >= mwd_groups_count(input->groups))
        return false;
    ret->name = mwd_groups_at(input->groups, at)->name;
    ret->window = mwd_windows_group(input->windows, at, ret->name);
    return true;
}

static bool row_at(const struct mwd_view_input *input, uint32_t number, uint32_t at,
                   struct subject *ret)
{
    const struct mw_reading_info *info = mw_reading_info(mwd_window_readings[number]);
    const struct mw_block *block = mwd_view_block(input, info->source);
    bool single = mw_kind_has_one_subject(info->kind);
    struct mw_block_key key;

    if (!block || at >= mw_block_head(block)->rows)
        return false;
    key = mw_block_keys(block)[at];
    ret->name = single ? NULL : mwd_view_name(input, info->kind, key);
    ret->window = single || ret->name ? mwd_windows_row(input->windows, number, at, key) : NULL;
    return true;
}

/* Subject number `at`, which may have no window. Returns false behind the last one. */
static bool subject_at(struct family *family, uint32_t at, struct subject *ret)
{
    enum mw_kind kind = mw_reading_info(mwd_window_readings[family->number])->kind;
    uint64_t known;

    if (kind == MW_KIND_PROCESS) {
        if (!group_at(family->input, at, ret))
            return false;
    } else if (family->left == 0 || !row_at(family->input, family->number, at, ret)) {
        return false;
    }
    if (ret->name && kind != MW_KIND_PROCESS)
        family->left--;
    if (ret->window && !mw_window_known(ret->window, &known))
        ret->window = NULL;
    return true;
}

/* ---- families ---- */

/* `middle` goes in front of the unit that the reading's metric ends in. */
static void name_family(struct family *family, const char *middle, const char *unit)
{
    const struct mw_reading_info *info = mw_reading_info(mwd_window_readings[family->number]);
    size_t size = strlen(info->metric);

    if (info->unit == MW_UNIT_BYTES)
        size -= strlen("_bytes");
    snprintf(family->name, sizeof family->name, "%.*s_%s%s%s", (int)size, info->metric, middle,
             unit ? "_" : "", unit ? unit : "");
    family->unit = unit;
    family->headed = false;
    family->left = mw_kind_has_one_subject(info->kind)
                       ? UINT32_MAX
                       : mwd_view_planned(family->input, info->kind);
}

static void put_head(struct family *family, struct mwd_buffer *out)
{
    const struct mw_reading_info *info = mw_reading_info(mwd_window_readings[family->number]);

    if (family->headed)
        return;
    family->headed = true;
    mwd_buffer_printf(out, "# HELP %s %s ", family->name, family->help);
    mwd_view_put_help(info->help, family->form, out);
    mwd_buffer_printf(out, "\n# TYPE %s gauge\n", family->name);
    if (family->unit && family->form == MWD_OPENMETRICS)
        mwd_buffer_printf(out, "# UNIT %s %s\n", family->name, family->unit);
}

static void put_subject_ends(struct family *family, const struct subject *subject, bool greatest,
                             struct mwd_buffer *out)
{
    for (uint32_t i = 0; i < MWD_WINDOW_WIDTHS; i++) {
        struct mw_window_extremes ends;
        char label[32];

        if (!mw_window_get(subject->window, mwd_window_widths[i].ns, &ends))
            continue;
        put_head(family, out);
        snprintf(label, sizeof label, "window=\"%s\"", mwd_window_widths[i].label);
        mwd_view_put_sample(family->name, label, subject->name,
                            greatest ? ends.greatest : ends.least, out);
    }
}

static void put_ends(struct family *family, bool greatest, struct mwd_buffer *out)
{
    struct subject subject;

    for (uint32_t at = 0; subject_at(family, at, &subject); at++)
        if (subject.window)
            put_subject_ends(family, &subject, greatest, out);
}

static void put_known(struct family *family, struct mwd_buffer *out)
{
    struct subject subject;
    uint64_t known_ns, known_ms;

    for (uint32_t at = 0; subject_at(family, at, &subject); at++) {
        if (!subject.window || !mw_window_known(subject.window, &known_ns))
            continue;
        put_head(family, out);
        known_ms = known_ns / MW_NS_PER_MS;
        mwd_view_put_sample(family->name, "", subject.name, (double)known_ms / 1e3, out);
    }
}

void mwd_view_put_windows(const struct mwd_view_input *input, enum mwd_exposition form,
                          struct mwd_buffer *out)
{
    struct family family = {.input = input, .form = form};

    if (!input->windows)
        return;
    for (family.number = 0; family.number < MWD_WINDOW_READINGS; family.number++) {
        enum mw_unit unit = mw_reading_info(mwd_window_readings[family.number])->unit;
        const char *word = unit == MW_UNIT_BYTES ? "bytes" : NULL;

        name_family(&family, "min", word);
        family.help = "The least in the window, of all samples:";
        put_ends(&family, false, out);
        name_family(&family, "max", word);
        family.help = "The greatest in the window, of all samples:";
        put_ends(&family, true, out);
        name_family(&family, "known", "seconds");
        family.help = "For how long, up to 5 minutes, this has been known without a gap; a window "
                      "that is longer is not full:";
        put_known(&family, out);
    }
}
