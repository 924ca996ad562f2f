/* targets: from names of machines to a file that Prometheus reads them from. All of it or nothing
 * is printed: a file that lacks a machine would let it go unwatched without a word. */
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 16 << 20, PLACE_BYTES = 512 };

/* ---- labels ---- */

static bool is_again(const struct mwd_ctl_target_label *labels, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(labels[i].name, labels[count].name) == 0)
            return true;
    return false;
}

static int take_labels(const struct mwd_ctl_texts *texts,
                       struct mwd_ctl_target_label ret[MWD_CTL_TEXTS_MAX])
{
    for (unsigned i = 0; i < texts->count; i++) {
        const char *why = mwd_ctl_target_label(texts->items[i], &ret[i]);

        if (!why && is_again(ret, i))
            why = "that name was given before";
        if (why) {
            mwd_ctl_complain("targets: --label: \"%s\": %s", texts->items[i], why);
            return MWD_CTL_USAGE;
        }
    }
    return MWD_CTL_OK;
}

/* ---- names ---- */

static void take_words(const struct mwd_ctl_options *options, struct mwd_ctl_targets *targets)
{
    char place[PLACE_BYTES];

    for (unsigned i = 0; i < options->word_count; i++) {
        snprintf(place, sizeof place, "name %u", i + 1);
        mwd_ctl_targets_add(targets, place, options->words[i], strlen(options->words[i]));
    }
}

/* Names on standard input are read when there are none elsewhere; somebody who forgot them at a
 * terminal would wait for nothing. */
static FILE *open_input(const struct mwd_ctl_options *options, const char **ret_name)
{
    const char *path = options->file;
    FILE *file = stdin;

    *ret_name = "standard input";
    if (path && strcmp(path, "-") != 0) {
        *ret_name = path;
        file = fopen(path, "re");
    } else if (!path && isatty(STDIN_FILENO)) {
        mwd_ctl_complain("targets: needs HOST or HOST:PORT behind it, --file FILE, or names on "
                         "standard input");
        return NULL;
    }
    if (!file)
        mwd_ctl_complain("targets: %s: %s", path, strerror(errno));
    return file;
}

/* Returns 0, or a negative errno; -EFBIG for more than INPUT_MAX. */
static int take_lines(FILE *file, const char *name, struct mwd_ctl_targets *targets)
{
    char *line = NULL, place[PLACE_BYTES];
    size_t room = 0, whole = 0;
    ssize_t size = 0;
    int r = 0;

    for (unsigned number = 1; r == 0 && (size = getline(&line, &room, file)) > 0; number++) {
        whole += (size_t)size;
        snprintf(place, sizeof place, "%s line %u", name, number);
        if (whole > INPUT_MAX)
            r = -EFBIG;
        else
            mwd_ctl_targets_add_line(targets, place, line, (size_t)size - (line[size - 1] == '\n'));
    }
    if (r == 0 && ferror(file))
        r = -errno;
    free(line);
    return r;
}

static int take_input(const struct mwd_ctl_options *options, struct mwd_ctl_targets *targets)
{
    const char *name;
    FILE *file = open_input(options, &name);
    int r;

    if (!file)
        return options->file ? MWD_CTL_FAILED : MWD_CTL_USAGE;
    r = take_lines(file, name, targets);
    if (file != stdin)
        fclose(file);
    if (r == -EFBIG)
        mwd_ctl_complain("targets: %s: is longer than 16 MiB; split it", name);
    else if (r < 0)
        mwd_ctl_complain("targets: %s: %s", name, strerror(-r));
    else if (targets->count + targets->mistake_count == 0)
        mwd_ctl_complain("targets: %s: has no names in it", name);
    else
        return MWD_CTL_OK;
    return MWD_CTL_FAILED;
}

/* ---- all together ---- */

static int complain(const struct mwd_ctl_targets *targets)
{
    const struct mwd_buffer *all = &targets->mistakes;

    for (size_t at = 0; at < all->size; at += strlen(all->bytes + at) + 1)
        mwd_ctl_complain("targets: %s", all->bytes + at);
    if (targets->mistake_count > MWD_CTL_TARGETS_MISTAKES)
        mwd_ctl_complain("targets: and %u more", targets->mistake_count - MWD_CTL_TARGETS_MISTAKES);
    return MWD_CTL_USAGE;
}

static int print(const struct mwd_ctl_targets *targets, const struct mwd_ctl_target_label *labels,
                 unsigned count)
{
    struct mwd_buffer out;
    int code, r;

    mwd_buffer_init(&out, MWD_CTL_TARGETS_BYTES + (1 << 20));
    r = mwd_ctl_targets_render(targets, labels, count, &out);
    if (r < 0)
        mwd_ctl_complain("targets: %s", strerror(-r));
    code = r < 0 ? MWD_CTL_FAILED : mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_targets(struct mwd_ctl *self)
{
    const struct mwd_ctl_options *options = self->options;
    struct mwd_ctl_target_label labels[MWD_CTL_TEXTS_MAX];
    struct mwd_ctl_targets targets;
    int code;

    mwd_ctl_targets_init(&targets);
    code = take_labels(&options->labels, labels);
    if (code == MWD_CTL_OK)
        take_words(options, &targets);
    if (code == MWD_CTL_OK && (options->file || options->word_count == 0))
        code = take_input(options, &targets);
    if (code == MWD_CTL_OK && targets.mistake_count > 0)
        code = complain(&targets);
    if (code == MWD_CTL_OK)
        code = print(&targets, labels, options->labels.count);
    mwd_ctl_targets_deinit(&targets);
    return code;
}
