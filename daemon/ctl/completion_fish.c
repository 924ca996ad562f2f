/* Fish takes rows: each says under which condition a word is offered. */
#include "daemon/ctl/completion.h"

static const char head[] =
    "# Completion for memwatchctl and memwatchd; made by `memwatchctl completion fish`.\n"
    "# For this shell alone: memwatchctl completion fish | source\n";

static const char conditions[] =
    "function __memwatchctl_wants_verb\n"
    "    test (count (__memwatchctl_words)) -eq 0\n"
    "end\n"
    "\n"
    "function __memwatchctl_wants_operand # of this verb\n"
    "    set -l words (__memwatchctl_words)\n"
    "    test (count $words) -eq 1; and test $words[1] = $argv[1]\n"
    "end\n"
    "\n"
    "function __memwatchctl_goes_with # any of these verbs; without a verb all may come\n"
    "    set -l words (__memwatchctl_words)\n"
    "    test (count $words) -eq 0; or contains -- $words[1] $argv\n"
    "end\n"
    "\n"
    "complete -c memwatchctl -f\n";

static void put_quoted(const char *text, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "'");
    mwd_ctl_put_escaped(text, "\\'", out);
    mwd_buffer_puts(out, "'");
}

static void put_argument(const char *argument, struct mwd_buffer *out)
{
    switch (mwd_ctl_offer_for(argument)) {
    case MWD_CTL_OFFER_NONE:
        break;
    case MWD_CTL_OFFER_FILES:
        mwd_buffer_puts(out, " -r -F");
        break;
    case MWD_CTL_OFFER_FOLDERS:
        mwd_buffer_puts(out, " -x -a '(__fish_complete_directories)'");
        break;
    case MWD_CTL_OFFER_WORDS:
        mwd_buffer_puts(out, " -x -a '");
        mwd_ctl_put_words(argument, out);
        mwd_buffer_puts(out, "'");
        break;
    case MWD_CTL_OFFER_NOTHING:
        mwd_buffer_puts(out, " -x");
    }
}

/* The condition is already there. */
static void put_option(const struct mwd_ctl_option_row *row, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, " -l %s", row->name + 2);
    put_argument(row->argument, out);
    mwd_buffer_puts(out, " -d ");
    put_quoted(row->help, out);
    mwd_buffer_puts(out, "\n");
}

/* ---- memwatchctl ---- */

static void put_search(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "\n# ---- memwatchctl ----\n\n"
                         "function __memwatchctl_words # before the cursor: the verb and its "
                         "operand\n"
                         "    set -l pending no\n"
                         "    for word in (commandline -opc)[2..-1]\n"
                         "        if test $pending = yes\n"
                         "            set pending no\n"
                         "        else if contains -- $word ");
    mwd_ctl_put_options(&mwd_ctl_itself, MWD_CTL_ANY, true, " ", out);
    mwd_buffer_puts(out, "\n"
                         "            set pending yes\n"
                         "        else if not string match -q -- '-*' $word\n"
                         "            echo $word\n"
                         "        end\n"
                         "    end\n"
                         "end\n\n");
}

static void put_verb(const struct mwd_ctl_verb_row *verb, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "complete -c memwatchctl -n '__memwatchctl_wants_verb' -a %s -d ",
                      verb->name);
    put_quoted(verb->help, out);
    mwd_buffer_puts(out, "\n");
    if (!verb->operand)
        return;
    mwd_buffer_printf(out, "complete -c memwatchctl -n '__memwatchctl_wants_operand %s'",
                      verb->name);
    if (mwd_ctl_offer_for(verb->operand) == MWD_CTL_OFFER_FILES)
        mwd_buffer_puts(out, " -F");
    else
        put_argument(verb->operand, out);
    mwd_buffer_puts(out, "\n");
}

static void put_ctl(struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;

    put_search(out);
    mwd_buffer_puts(out, conditions);
    mwd_buffer_puts(
        out,
        "complete -c memwatchctl -n 'string match -qr -- "
        "\"^(heap (diff|snapshot)|rules test)\" (string join \" \" (__memwatchctl_words))' -F\n");
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++)
        put_verb(&mwd_ctl_verbs[i], out);
    for (unsigned i = 0; mwd_ctl_itself.option(i, &row); i++) {
        mwd_buffer_puts(out, "complete -c memwatchctl -n '__memwatchctl_goes_with ");
        mwd_ctl_put_verbs(&mwd_ctl_itself, row.verbs, " ", out);
        mwd_buffer_puts(out, "'");
        put_option(&row, out);
    }
}

/* ---- memwatchd ---- */

void mwd_ctl_put_fish(struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;

    mwd_buffer_puts(out, head);
    put_ctl(out);
    mwd_buffer_puts(out, "\n# ---- memwatchd ----\n\ncomplete -c memwatchd -f\n");
    for (unsigned i = 0; mwd_ctl_daemon.option(i, &row); i++) {
        mwd_buffer_puts(out, "complete -c memwatchd");
        put_option(&row, out);
    }
}
