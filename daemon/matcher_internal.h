/* What the files of matcher share; private to daemon/matcher*.c. */
#ifndef MWD_MATCHER_INTERNAL_H
#define MWD_MATCHER_INTERNAL_H
#include "daemon/matcher.h"
#include "daemon/pattern.h"

enum mwd_template_field {
    MWD_TEMPLATE_TEXT,
    MWD_TEMPLATE_COMM,
    MWD_TEMPLATE_EXE_BASE,
    MWD_TEMPLATE_EXE_FULL,
    MWD_TEMPLATE_USERNAME,
    MWD_TEMPLATE_PID,
    MWD_TEMPLATE_START_TIME,
    MWD_TEMPLATE_CGROUPS,
    MWD_TEMPLATE_MATCHES
};

struct mwd_template_part {
    enum mwd_template_field field;
    uint32_t begin, size; /* TEXT: of the template; MATCHES: of the name in it */
};

enum { MWD_TEMPLATE_PARTS_MAX = 32 };

struct mwd_template {
    char *text;
    uint32_t count;
    struct mwd_template_part parts[MWD_TEMPLATE_PARTS_MAX];
};

/* A part of argv. */
struct mwd_capture {
    const char *name;
    const char *bytes;
    size_t size;
};

/* What a template is filled in from. */
struct mwd_template_input {
    const struct mwd_matcher_process *process;
    const char *exe; /* argv[0], or comm */
    size_t exe_size;
    const struct mwd_capture *captures; /* the last of a name counts */
    uint32_t capture_count;
};

/* Errors   -EINVAL with a sentence in `why`, -ENOMEM. */
int mwd_template_create(const char *text, struct mwd_template **ret, char why[MWD_MATCHER_WHY_MAX]);
struct mwd_template *mwd_template_destroy(struct mwd_template *self);
bool mwd_template_uses(const struct mwd_template *self, enum mwd_template_field field);
/* Size of the name, of at most MWD_MATCHER_NAME_MAX bytes; there is a NUL behind it. */
size_t mwd_template_fill(const struct mwd_template *self, const struct mwd_template_input *input,
                         char ret[MWD_MATCHER_NAME_MAX + 1]);

/* The last part of a path, as Go's filepath.Base has it: "." of nothing, "/" of slashes alone. */
void mwd_matcher_base(const char *path, size_t size, const char **ret_base, size_t *ret_size);
#endif
