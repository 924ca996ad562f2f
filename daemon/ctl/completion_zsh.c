/* _arguments does the work. It is given the options that go with the verb that is there already, or
 * all of them while there is none. The file is loaded as the function _memwatchctl, or sourced. */
#include "daemon/ctl/completion.h"

static const char head[] =
    "#compdef memwatchctl memwatchd\n"
    "# Completion for memwatchctl and memwatchd; made by `memwatchctl completion zsh`.\n"
    "# For this shell alone, after compinit: source <(memwatchctl completion zsh)\n";

static const char end[] = "\n# ---- both ----\n\n"
                          "_memwatchctl() {\n"
                          "    case $service in\n"
                          "    memwatchd) _memwatchd_arguments ;;\n"
                          "    *) _memwatchctl_arguments ;;\n"
                          "    esac\n"
                          "}\n"
                          "\n"
                          "if [[ $funcstack[1] == _memwatchctl ]]; then\n"
                          "    _memwatchctl \"$@\"\n"
                          "else\n"
                          "    compdef _memwatchctl memwatchctl memwatchd\n"
                          "fi\n";

/* In single quotes, where `special` has a meaning to _arguments or _describe. */
static void put_text(const char *text, const char *special, struct mwd_buffer *out)
{
    for (; *text; text++) {
        char letter[2] = {*text, '\0'};

        if (*text == '\'')
            mwd_buffer_puts(out, "'\\''");
        else
            mwd_ctl_put_escaped(letter, special, out);
    }
}

/* ":MESSAGE:ACTION" */
static void put_action(const char *argument, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, ":");
    put_text(argument, ":", out);
    mwd_buffer_puts(out, ":");
    switch (mwd_ctl_offer_for(argument)) {
    case MWD_CTL_OFFER_FILES:
        mwd_buffer_puts(out, "_files");
        break;
    case MWD_CTL_OFFER_FOLDERS:
        mwd_buffer_puts(out, "_files -/");
        break;
    case MWD_CTL_OFFER_WORDS:
        mwd_buffer_puts(out, "(");
        mwd_ctl_put_words(argument, out);
        mwd_buffer_puts(out, ")");
        break;
    default:
        mwd_buffer_puts(out, " ");
    }
}

static void put_option(const struct mwd_ctl_option_row *row, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "'%s%s[", row->name, row->argument ? "=" : "");
    put_text(row->help, "[]\\", out);
    mwd_buffer_puts(out, "]");
    if (row->argument)
        put_action(row->argument, out);
    mwd_buffer_puts(out, "'");
}

/* ---- memwatchctl ---- */

static void put_verbs(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "_memwatchctl_verbs() {\n    local -a verbs\n    verbs=(\n");
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++) {
        mwd_buffer_printf(out, "        '%s:", mwd_ctl_verbs[i].name);
        put_text(mwd_ctl_verbs[i].help, ":\\", out);
        mwd_buffer_puts(out, "'\n");
    }
    mwd_buffer_puts(out, "    )\n    _describe -t verbs verb verbs\n}\n\n");
}

static void put_search(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "_memwatchctl_arguments() {\n"
                         "    local verb='' pending='' word\n"
                         "    local -a rows\n"
                         "    for word in ${words[2,CURRENT-1]}; do\n"
                         "        if [[ -n $pending ]]; then\n"
                         "            pending=''\n"
                         "        elif [[ $word == (");
    mwd_ctl_put_options(&mwd_ctl_itself, MWD_CTL_ANY, true, "|", out);
    mwd_buffer_puts(out, ") ]]; then\n"
                         "            pending=yes\n"
                         "        elif [[ $word != -* ]]; then\n"
                         "            verb=$word\n"
                         "            break\n"
                         "        fi\n"
                         "    done\n");
}

static void put_rows(struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;

    for (unsigned i = 0; mwd_ctl_itself.option(i, &row); i++) {
        mwd_buffer_puts(out, "    [[ $verb == (|");
        mwd_ctl_put_verbs(&mwd_ctl_itself, row.verbs, "|", out);
        mwd_buffer_puts(out, ") ]] &&\n        rows+=(");
        put_option(&row, out);
        mwd_buffer_puts(out, ")\n");
    }
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++) {
        if (!mwd_ctl_verbs[i].operand)
            continue;
        mwd_buffer_printf(out, "    [[ $verb == %s ]] && rows+=('2", mwd_ctl_verbs[i].name);
        put_action(mwd_ctl_verbs[i].operand, out);
        mwd_buffer_puts(out, "')\n");
    }
    /* before the word that is being completed */
    mwd_buffer_puts(
        out,
        "    [[ $verb == (heap|rules) ]] && (( ${words[(i)(snapshot|diff|test)]} < CURRENT )) &&\n"
        "        rows+=('*:FILE:_files')\n");
}

/* ---- memwatchd ---- */

static void put_daemon(struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;

    mwd_buffer_puts(out, "\n# ---- memwatchd ----\n\n"
                         "_memwatchd_arguments() {\n    _arguments -S");
    for (unsigned i = 0; mwd_ctl_daemon.option(i, &row); i++) {
        mwd_buffer_puts(out, " \\\n        ");
        put_option(&row, out);
    }
    mwd_buffer_puts(out, "\n}\n");
}

void mwd_ctl_put_zsh(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, head);
    mwd_buffer_puts(out, "\n# ---- memwatchctl ----\n\n");
    put_verbs(out);
    put_search(out);
    put_rows(out);
    mwd_buffer_puts(out, "    _arguments -S $rows '1:verb:_memwatchctl_verbs'\n}\n");
    put_daemon(out);
    mwd_buffer_puts(out, end);
}
