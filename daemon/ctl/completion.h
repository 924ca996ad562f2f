/* completion: scripts that teach a shell the words of memwatchctl and of memwatchd. What the files
 * completion*.c share; private to them and to verb_completion.c.
 *
 * Shape    one script serves both programs: their tables, one after the other, and around them
 *          what finds out which word is wanted. Nothing is asked of the programs while one types.
 */
#ifndef MWD_CTL_COMPLETION_H
#define MWD_CTL_COMPLETION_H
#include "daemon/ctl/ctl.h"

/* A program as a shell sees it; memwatchd has no verbs. */
struct mwd_ctl_program {
    const char *name;
    const struct mwd_ctl_verb_row *verbs;
    unsigned verb_count;
    /* Option number `index`, whose offset means nothing; false when there are not so many. */
    bool (*option)(unsigned index, struct mwd_ctl_option_row *ret);
};

extern const struct mwd_ctl_program mwd_ctl_itself;
extern const struct mwd_ctl_program mwd_ctl_daemon;

/* What can be offered for an argument as help names it. */
enum mwd_ctl_offer {
    MWD_CTL_OFFER_NONE, /* there is no argument */
    MWD_CTL_OFFER_FILES,
    MWD_CTL_OFFER_FOLDERS,
    MWD_CTL_OFFER_WORDS,
    MWD_CTL_OFFER_NOTHING /* one must know */
};
enum mwd_ctl_offer mwd_ctl_offer_for(const char *argument);

/* The words of MWD_CTL_OFFER_WORDS, "asc desc". */
void mwd_ctl_put_words(const char *argument, struct mwd_buffer *out);
/* The names of all options whose set of verbs meets `verbs`, or only of those with an argument. */
void mwd_ctl_put_options(const struct mwd_ctl_program *program, unsigned verbs, bool with_argument,
                         const char *between, struct mwd_buffer *out);
/* The verbs of a set. */
void mwd_ctl_put_verbs(const struct mwd_ctl_program *program, unsigned verbs, const char *between,
                       struct mwd_buffer *out);
/* With a backslash before each character out of `special`. */
void mwd_ctl_put_escaped(const char *text, const char *special, struct mwd_buffer *out);

void mwd_ctl_put_bash(struct mwd_buffer *out);
void mwd_ctl_put_zsh(struct mwd_buffer *out);
void mwd_ctl_put_fish(struct mwd_buffer *out);

/* By the shell's name: "bash", "zsh" or "fish". */
void mwd_ctl_put_completion(const char *shell, struct mwd_buffer *out);
#endif
