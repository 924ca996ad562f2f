/* Bash gives a completion function the words of the line, cut at `=` and `:` too, unless the user
 * has taken these out of COMP_WORDBREAKS; both forms of --order=asc are understood. Files are left
 * to readline, which knows how to quote them. Nothing of the package bash-completion is used. */
#include "daemon/ctl/completion.h"

static const char head[] =
    "# Completion for memwatchctl and memwatchd; made by `memwatchctl completion bash`.\n"
    "# For this shell alone: eval \"$(memwatchctl completion bash)\"\n";

static const char engine[] =
    "\n# ---- both ----\n\n"
    "_memwatch_offer() { # BEHIND PREFIX WORD\n"
    "    case $1 in\n"
    "    @files) compopt -o default ;;\n"
    "    @folders) compopt -o dirnames ;;\n"
    "    @nothing) ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -P \"$2\" -W \"$1\" -- \"$3\") ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_memwatch() { # PROGRAM WORD\n"
    "    local program=$1 here=$2 last=${COMP_WORDS[COMP_CWORD]} word i\n"
    "    local verb='' operand='' pending='' glued='' behind='' verbs='' options=''\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == [=:]* ]]; then\n"
    "            glued=yes # to the words on both sides\n"
    "        elif [[ $pending || $glued ]]; then\n"
    "            pending='' glued=''\n"
    "        elif [[ $word == -* ]]; then\n"
    "            \"_${program}_behind\" \"$word\"\n"
    "            pending=$behind\n"
    "        elif [[ ! $verb ]]; then\n"
    "            verb=$word\n"
    "        else\n"
    "            operand=${operand:-$word}\n"
    "        fi\n"
    "    done\n"
    "    \"_${program}_words\" \"$verb\"\n"
    "    if [[ $pending ]]; then\n"
    "        _memwatch_offer \"$pending\" '' \"$here\"\n"
    "        return\n"
    "    fi\n"
    "    [[ $glued || $last == [=:]* ]] && return\n"
    "    if [[ $here == --*=* ]]; then\n"
    "        \"_${program}_behind\" \"${here%%=*}\"\n"
    "        _memwatch_offer \"${behind:-@nothing}\" \"${here%%=*}=\" \"${here#*=}\"\n"
    "        return\n"
    "    fi\n"
    "    \"_${program}_behind\" \"$verb\"\n"
    "    if [[ $here == -* ]]; then\n"
    "        behind=$options\n"
    "    elif [[ ! $verb && $verbs ]]; then\n"
    "        behind=$verbs\n"
    "    elif [[ $verb:$operand == @(heap:diff|heap:snapshot|rules:test) ]]; then\n"
    "        behind=@files\n"
    "    elif [[ $operand || ! $behind ]]; then\n"
    "        behind=$options\n"
    "    fi\n"
    "    _memwatch_offer \"$behind\" '' \"$here\"\n"
    "}\n"
    "\n"
    "_memwatchctl() { _memwatch memwatchctl \"$2\"; }\n"
    "_memwatchd() { _memwatch memwatchd \"$2\"; }\n"
    "complete -F _memwatchctl memwatchctl\n"
    "complete -F _memwatchd memwatchd\n";

static void put_behind(const char *word, const char *argument, struct mwd_buffer *out)
{
    enum mwd_ctl_offer offer = mwd_ctl_offer_for(argument);

    if (offer == MWD_CTL_OFFER_NONE)
        return;
    mwd_buffer_printf(out, "    %s) behind='", word);
    if (offer == MWD_CTL_OFFER_FILES)
        mwd_buffer_puts(out, "@files");
    else if (offer == MWD_CTL_OFFER_FOLDERS)
        mwd_buffer_puts(out, "@folders");
    else if (offer == MWD_CTL_OFFER_WORDS)
        mwd_ctl_put_words(argument, out);
    else
        mwd_buffer_puts(out, "@nothing");
    mwd_buffer_puts(out, "' ;;\n");
}

static void put_all_behind(const struct mwd_ctl_program *program, struct mwd_buffer *out)
{
    struct mwd_ctl_option_row row;

    mwd_buffer_printf(out, "_%s_behind() { # what stands behind a word\n    case $1 in\n",
                      program->name);
    for (unsigned i = 0; program->option(i, &row); i++)
        put_behind(row.name, row.argument, out);
    for (unsigned i = 0; i < program->verb_count; i++)
        put_behind(program->verbs[i].name, program->verbs[i].operand, out);
    mwd_buffer_puts(out, "    *) behind='' ;;\n    esac\n}\n\n");
}

static void put_options(const struct mwd_ctl_program *program, const char *verb, unsigned verbs,
                        struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "    %s) options='", verb);
    mwd_ctl_put_options(program, verbs, false, " ", out);
    mwd_buffer_puts(out, "' ;;\n");
}

static void put_program(const struct mwd_ctl_program *program, struct mwd_buffer *out)
{
    mwd_buffer_printf(out, "\n# ---- %s ----\n\n", program->name);
    put_all_behind(program, out);
    mwd_buffer_printf(out, "_%s_words() { # what goes with a verb\n    verbs='", program->name);
    mwd_ctl_put_verbs(program, MWD_CTL_ANY, " ", out);
    mwd_buffer_puts(out, "'\n    case $1 in\n");
    for (unsigned i = 0; i < program->verb_count; i++)
        put_options(program, program->verbs[i].name, 1u << i, out);
    put_options(program, "*", MWD_CTL_ANY, out);
    mwd_buffer_puts(out, "    esac\n}\n");
}

void mwd_ctl_put_bash(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, head);
    put_program(&mwd_ctl_itself, out);
    put_program(&mwd_ctl_daemon, out);
    mwd_buffer_puts(out, engine);
}
