/* The tables, row by row, in mdoc(7). */
#include "manual.h"

#include "daemon/config.h"
#include "daemon/ctl/ctl.h"
#include "daemon/options.h"
#include "sample/sample.h"

#include <stdio.h>
#include <string.h>

static void put_sentence(struct filler *filler, const char *text)
{
    size_t size = strlen(text);

    fill(filler, "%c%s%s", text[0] >= 'a' && text[0] <= 'z' ? text[0] - 'a' + 'A' : text[0],
         text + 1, size > 0 && text[size - 1] == '.' ? "" : ".");
    fill_end(filler);
}

static void put_option(const char *name, const char *argument, const char *help,
                       struct mwd_buffer *out)
{
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Fl %s", name + 1); /* Fl brings one of the two minus signs */
    for (const char *word = argument; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
        mwd_buffer_printf(out, "%s %s %.*s", word == argument ? "" : " |",
                          strchr(argument, '|') ? "Cm" : "Ar", (int)strcspn(word, "|"), word);
    mwd_buffer_puts(out, "\n");
    put_sentence(&filler, help);
}

/* ---- memwatchd ---- */

static const char *flag_name(unsigned row)
{
    struct mwd_flag_info flag;

    return mwd_options_flag(row, &flag) ? flag.name : NULL;
}

static void put_flag(unsigned row, struct mwd_buffer *out)
{
    struct mwd_flag_info flag;

    if (mwd_options_flag(row, &flag))
        put_option(flag.name, flag.argument, flag.help, out);
}

/* ---- memwatchctl ---- */

static const char *option_name(unsigned row)
{
    return row < mwd_ctl_option_count ? mwd_ctl_option_rows[row].name : NULL;
}

static void put_verbs_of(unsigned verbs, struct filler *filler)
{
    const char *before = "With";

    for (unsigned i = 0; i < MWD_CTL_VERBS; i++) {
        if (!(verbs >> i & 1))
            continue;
        fill(filler, "%s %s%s", before, mwd_ctl_verbs[i].name, verbs >> (i + 1) ? "," : ".");
        before = "";
    }
    fill_end(filler);
}

static void put_ctl_option(unsigned row, struct mwd_buffer *out)
{
    const struct mwd_ctl_option_row *option = &mwd_ctl_option_rows[row];
    struct filler filler = {out, 0};

    put_option(option->name, option->argument, option->help, out);
    if (option->verbs == MWD_CTL_ANY)
        put_sentence(&filler, "with every verb");
    else
        put_verbs_of(option->verbs, &filler);
}

static const char *verb_name(unsigned row)
{
    return row < MWD_CTL_VERBS ? mwd_ctl_verbs[row].name : NULL;
}

static void put_verb(unsigned row, struct mwd_buffer *out)
{
    const struct mwd_ctl_verb_row *verb = &mwd_ctl_verbs[row];
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Cm %s", verb->name);
    for (const char *word = verb->operand; word;
         word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
        mwd_buffer_printf(out, "%s %s %.*s", word == verb->operand ? "" : " |",
                          mwd_ctl_is_list(verb->operand) ? "Cm" : "Ar", (int)strcspn(word, "|"),
                          word);
    mwd_buffer_puts(out, "\n");
    put_sentence(&filler, verb->help);
}

/* ---- keys ---- */

static const char *key_name(unsigned row)
{
    return row < mwd_config_key_count ? mwd_config_keys[row].name : NULL;
}

static void put_key(unsigned row, struct mwd_buffer *out)
{
    const struct mwd_key_info *key = &mwd_config_keys[row];
    struct filler filler = {out, 0};
    char variable[MWD_CONFIG_VARIABLE_SIZE];

    mwd_config_variable(row, variable);
    mwd_buffer_printf(out, ".It Ic %s\n", key->name);
    put_sentence(&filler, key->help);
    mwd_buffer_puts(out, ".Pp\n");
    fill(&filler, "Takes %s.", key->takes);
    fill(&filler, key->restart ? "A change needs a restart." : "A reload applies a change.");
    fill_end(&filler);
    mwd_buffer_puts(out, ".Pp\nDefault:\n.Ql ");
    put_argument(key->default_text, out);
    mwd_buffer_printf(out, ";\nenvironment:\n.Ev %s", variable);
    if (key->flag)
        mwd_buffer_printf(out, " ;\nflag:\n.Fl %s Ar %s", key->flag + 1, key->argument);
    mwd_buffer_puts(out, "\n");
}

/* ---- keys of titled blocks ---- */

static const char *titled_name(unsigned row)
{
    return row < mwd_config_titled_count ? mwd_config_titled_keys[row].name : NULL;
}

static void put_titled(unsigned row, struct mwd_buffer *out)
{
    const struct mwd_titled_info *key = &mwd_config_titled_keys[row];
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Ic %s\n", key->name);
    put_sentence(&filler, key->help);
    mwd_buffer_puts(out, ".Pp\n");
    fill(&filler, "Takes %s.", key->takes);
    fill_end(&filler);
    if (!key->default_text)
        return;
    mwd_buffer_puts(out, ".Pp\nDefault:\n.Ql ");
    put_argument(*key->default_text ? key->default_text : "\"\"", out);
    mwd_buffer_puts(out, "\n");
}

/* ---- readings ---- */

static const char *const unit_meanings[MW_UNIT_COUNT_OF] = {
    [MW_UNIT_BYTES] = "Bytes.",
    [MW_UNIT_COUNT] = "A number of things: pages, processes, events.",
    [MW_UNIT_US] = "Microseconds; seconds in Prometheus text.",
    [MW_UNIT_MS] = "Milliseconds; seconds in Prometheus text.",
    [MW_UNIT_EPOCH_MS] = "Milliseconds since 1970-01-01 00:00 UTC; seconds in Prometheus text.",
    [MW_UNIT_PERCENT] = "0 to 100; 0 to 1 in Prometheus text.",
    [MW_UNIT_RATIO] = "0 to 1.",
    [MW_UNIT_PER_S] = "Events a second, since the sample before.",
    [MW_UNIT_BYTES_PER_S] = "Bytes a second, since the sample before.",
    [MW_UNIT_NUMBER] = "An id: a number by its spelling only.",
    [MW_UNIT_WORD] = "Text.",
};

static const char *unit_name(unsigned row)
{
    return row < MW_UNIT_COUNT_OF ? mw_unit_word((enum mw_unit)row) : NULL;
}

static void put_unit(unsigned row, struct mwd_buffer *out)
{
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Cm %s\n", unit_name(row));
    put_sentence(&filler, unit_meanings[row]);
}

static const char *const absence_meanings[MW_ABSENCE_COUNT] = {
    [MW_PRESENT] = "The value is there; this word is never shown.",
    [MW_ABSENT_DENIED] = "Access was refused: the daemon has not the right to read this, as it "
                         "has not for other users' processes under hidepid. See memwatchctl "
                         "doctor for what would change it.",
    [MW_ABSENT_VANISHED] = "The process went away while it was read.",
    [MW_ABSENT_UNSUPPORTED] = "This system has no such value: an older or differently built "
                              "kernel, a feature that is off, no limit that could be shown.",
    [MW_ABSENT_STALE] = "The source failed, gave something that makes no sense, or has not been "
                        "heard of for too long; rates are stale in the first sample.",
};

/* Row 0 is the first reason. */
static const char *absence_name(unsigned row)
{
    return row + 1 < MW_ABSENCE_COUNT ? mw_absence_word((enum mw_absence)(row + 1)) : NULL;
}

static void put_absence(unsigned row, struct mwd_buffer *out)
{
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Cm %s\n", absence_name(row));
    put_sentence(&filler, absence_meanings[row + 1]);
}

static void put_value(const struct mw_reading_info *info, struct filler *filler)
{
    static const char *const types[] = {
        [MW_TYPE_GAUGE] = "Gauge", [MW_TYPE_COUNTER] = "Counter", [MW_TYPE_INFO] = "Info"};
    static const char *const values[] = {[MW_VALUE_U64] = "whole number",
                                         [MW_VALUE_I64] = "whole number, may be negative",
                                         [MW_VALUE_F64] = "number",
                                         [MW_VALUE_TEXT] = "string"};

    fill(filler, "%s, %s, %s.", types[info->type], mw_unit_word(info->unit), values[info->value]);
    if (info->of != MW_NONE)
        fill(filler, "100 %% is %s.", mw_reading_info(info->of)->id);
}

static void put_reading(const struct mw_reading_info *info, struct mwd_buffer *out)
{
    struct filler filler = {out, 0};

    mwd_buffer_printf(out, ".It Va %s\n", info->id);
    put_sentence(&filler, info->help);
    mwd_buffer_printf(out, ".br\nKey\n.Ql %s ;\n", info->key);
    if (*info->metric && *info->labels)
        mwd_buffer_printf(out, "metric\n.Ql %s{%s} .\n", info->metric, info->labels);
    else if (*info->metric)
        mwd_buffer_printf(out, "metric\n.Ql %s .\n", info->metric);
    else
        mwd_buffer_puts(out, "not a metric.\n");
    put_value(info, &filler);
    if (info->source == MW_SOURCE_DERIVED)
        fill(&filler, "Derived: %s.", info->field);
    else if (*info->field)
        fill(&filler, "From %s: %s.", info->file, info->field);
    else
        fill(&filler, "From %s.", info->file);
    fill_end(&filler);
}

static const char *kind_name(unsigned row)
{
    return row < MW_KIND_COUNT ? mw_kind_word((enum mw_kind)row) : NULL;
}

static void put_kind(unsigned row, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, ".Bl -tag -width Ds\n");
    for (unsigned i = 0; i < MW_READING_COUNT; i++)
        if (mw_reading_info((enum mw_reading)i)->kind == row)
            put_reading(mw_reading_info((enum mw_reading)i), out);
    mwd_buffer_puts(out, ".El\n");
}

const struct view views[] = {
    {"flag", "flags", flag_name, put_flag},
    {"option", "options", option_name, put_ctl_option},
    {"verb", "verbs", verb_name, put_verb},
    {"key", "keys", key_name, put_key},
    {"titled", "titleds", titled_name, put_titled},
    {"kind", "kinds", kind_name, put_kind},
    {"unit", "units", unit_name, put_unit},
    {"absence", "absences", absence_name, put_absence},
};
const unsigned view_count = sizeof views / sizeof views[0];
