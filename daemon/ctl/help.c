#include "daemon/ctl/ctl.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, INDENT = 26 };

/* "  --limit N               at most so many ...", wrapped. */
static void put_row(const char *name, const char *argument, const char *help,
                    struct mwd_buffer *out)
{
    char head[64];
    size_t column = INDENT;

    snprintf(head, sizeof head, "  %s%s%s", name, argument ? " " : "", argument ? argument : "");
    mwd_buffer_printf(out, "%-*s", INDENT, head);
    if (strlen(head) >= INDENT)
        mwd_buffer_printf(out, "\n%*s", INDENT, "");
    while (*help) {
        size_t word = strcspn(help, " ");

        if (column + word + 1 > WIDTH) {
            mwd_buffer_printf(out, "\n%*s", INDENT, "");
            column = INDENT;
        }
        mwd_buffer_printf(out, "%s%.*s", column > INDENT ? " " : "", (int)word, help);
        column += word + (column > INDENT);
        help += word + strspn(help + word, " ");
    }
    mwd_buffer_puts(out, "\n");
}

static void put_options(unsigned verbs, struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "\nOptions:\n");
    for (unsigned i = 0; i < mwd_ctl_option_count; i++) {
        const struct mwd_ctl_option_row *row = &mwd_ctl_option_rows[i];

        if (row->verbs & verbs)
            put_row(row->name, row->argument, row->help, out);
    }
    mwd_buffer_puts(out,
                    "\nExit codes: 0 ok, 1 failed, 2 wrong usage or configuration, 3 no daemon "
                    "answers.\n");
}

void mwd_ctl_help(enum mwd_ctl_verb verb, struct mwd_buffer *out)
{
    if (verb < MWD_CTL_VERBS) {
        const struct mwd_ctl_verb_row *row = &mwd_ctl_verbs[verb];

        mwd_buffer_printf(out, "usage: memwatchctl %s%s%s [option]...\n\n%s\n", row->name,
                          row->operand ? " " : "", row->operand ? row->operand : "", row->help);
        put_options(1u << verb, out);
        return;
    }
    mwd_buffer_puts(out, "usage: memwatchctl VERB [option]...\n\n"
                         "Asks memwatchd, or this machine itself.\n\nVerbs:\n");
    for (unsigned i = 0; i < MWD_CTL_VERBS; i++)
        put_row(mwd_ctl_verbs[i].name, mwd_ctl_verbs[i].operand, mwd_ctl_verbs[i].help, out);
    put_options(MWD_CTL_ANY, out);
}
