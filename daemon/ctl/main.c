/* memwatchctl: arguments in, exit code out. See ctl.h. */
#include "daemon/ctl/ctl.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_LIMIT = 1 << 20 };

/* A pipe whose reader has gone, and a file that may not grow, are told by write(2) then. */
static void prepare_process(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value && *value;
}

static bool is_colour_welcome(void)
{
    const char *kind = getenv("TERM");

    return !is_set("NO_COLOR") && kind && strcmp(kind, "dumb") != 0;
}

static int run(const struct mwd_ctl_options *options)
{
    static int (*const functions[])(struct mwd_ctl *) = {
#define MWD_CTL_VERB(id, name, operand, function, help) [MWD_CTL_##id] = (function),
#include "daemon/ctl/verbs.def"
#undef MWD_CTL_VERB
    };
    struct mwd_ctl ctl = {.options = options};

    mwd_ctl_find_terminal(&ctl);
    ctl.colour = ctl.terminal && is_colour_welcome();
    int code = functions[options->verb](&ctl);
    free(ctl.place);
    return code;
}

static int tell(const struct mwd_ctl_options *options, struct mwd_buffer *text)
{
    if (options->help)
        mwd_ctl_help(options->verb, text);
    else
        mwd_buffer_puts(text, "memwatchctl " MW_VERSION "\n");
    return mwd_ctl_print(text);
}

static int refuse(const struct mwd_buffer *error)
{
    mwd_ctl_complain("%.*s", (int)error->size, error->bytes);
    return MWD_CTL_USAGE;
}

int main(int argc, char **argv)
{
    struct mwd_ctl_options options;
    struct mwd_buffer text;
    int code;

    prepare_process();
    mwd_buffer_init(&text, TEXT_LIMIT);
    if (mwd_ctl_parse(argc, argv, &text, &options) < 0)
        code = refuse(&text);
    else if (options.help || options.version)
        code = tell(&options, &text);
    else
        code = run(&options);
    mwd_buffer_deinit(&text);
    return code;
}
