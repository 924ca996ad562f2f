#include "daemon/ctl/completion.h"

#include "daemon/options.h"
#include "history/history.h"
#include "sample/sample.h"

#include <string.h>

/* ---- the two programs ---- */

static bool option_of_ctl(unsigned index, struct mwd_ctl_option_row *ret)
{
    if (index >= mwd_ctl_option_count)
        return false;
    *ret = mwd_ctl_option_rows[index];
    return true;
}

static bool option_of_daemon(unsigned index, struct mwd_ctl_option_row *ret)
{
    struct mwd_flag_info flag;

    if (!mwd_options_flag(index, &flag))
        return false;
    *ret = (struct mwd_ctl_option_row){
        .name = flag.name,
        .argument = flag.argument,
        .help = flag.help,
        .type = flag.argument ? MWD_CTL_TEXT : MWD_CTL_FLAG,
        .verbs = MWD_CTL_ANY,
    };
    return true;
}

const struct mwd_ctl_program mwd_ctl_itself = {"memwatchctl", mwd_ctl_verbs, MWD_CTL_VERBS,
                                               option_of_ctl};
const struct mwd_ctl_program mwd_ctl_daemon = {"memwatchd", NULL, 0, option_of_daemon};

/* ---- what stands for an argument ---- */

static const char readings[] = "READING [SUBJECT]";

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(*words, text) != 0)
        words++;
    return *words;
}

enum mwd_ctl_offer mwd_ctl_offer_for(const char *argument)
{
    static const char *const files[] = {"FILE", "PATH", NULL};
    static const char *const folders[] = {"DIR", NULL};
    static const char *const words[] = {"KEY", readings, NULL};

    if (!argument)
        return MWD_CTL_OFFER_NONE;
    if (is_one_of(argument, files))
        return MWD_CTL_OFFER_FILES;
    if (is_one_of(argument, folders))
        return MWD_CTL_OFFER_FOLDERS;
    if (mwd_ctl_is_list(argument) || is_one_of(argument, words))
        return MWD_CTL_OFFER_WORDS;
    return MWD_CTL_OFFER_NOTHING;
}

static void put_keys(struct mwd_buffer *out)
{
    for (const char *const *key = mw_process_keys(); *key; key++)
        mwd_buffer_printf(out, "%s%s", key == mw_process_keys() ? "" : " ", *key);
}

static void put_readings(struct mwd_buffer *out)
{
    bool first = true;

    for (enum mw_reading i = 0; i < MW_READING_COUNT; i++) {
        if (!mw_history_keeps(i))
            continue;
        mwd_buffer_printf(out, "%s%s", first ? "" : " ", mw_reading_info(i)->id);
        first = false;
    }
}

void mwd_ctl_put_words(const char *argument, struct mwd_buffer *out)
{
    if (strcmp(argument, readings) == 0) {
        put_readings(out);
        return;
    }
    if (strcmp(argument, "KEY") == 0) {
        put_keys(out);
        return;
    }
    for (; *argument; argument++)
        mwd_buffer_append(out, *argument == '|' ? " " : argument, 1);
}

/* ---- lists ---- */

void mwd_ctl_put_options(const struct mwd_ctl_program *program, unsigned verbs, bool with_argument,
                         const char *between, struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;
    bool first = true;

    for (unsigned i = 0; program->option(i, &row); i++) {
        if (!(row.verbs & verbs) || (with_argument && !row.argument))
            continue;
        mwd_buffer_printf(out, "%s%s", first ? "" : between, row.name);
        first = false;
    }
}

void mwd_ctl_put_verbs(const struct mwd_ctl_program *program, unsigned verbs, const char *between,
                       struct mwd_buffer *out)
{
    bool first = true;

    for (unsigned i = 0; i < program->verb_count; i++) {
        if (!(verbs >> i & 1))
            continue;
        mwd_buffer_printf(out, "%s%s", first ? "" : between, program->verbs[i].name);
        first = false;
    }
}

void mwd_ctl_put_escaped(const char *text, const char *special, struct mwd_buffer *out)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            mwd_buffer_puts(out, "\\");
        mwd_buffer_append(out, text, 1);
    }
}

void mwd_ctl_put_completion(const char *shell, struct mwd_buffer *out)
{
    if (strcmp(shell, "bash") == 0)
        mwd_ctl_put_bash(out);
    else if (strcmp(shell, "zsh") == 0)
        mwd_ctl_put_zsh(out);
    else
        mwd_ctl_put_fish(out);
}
