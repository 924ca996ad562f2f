/* manual SOURCE: a page of the manual, from its source and the tables, to stdout. */
#include "manual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 512, PAGE_MAX = 1 << 20, ROWS_MAX = 512, VIEWS_MAX = 16 };

struct page {
    const char *path;
    unsigned line;
    struct mwd_buffer out;
    bool touched[VIEWS_MAX];
    bool shown[VIEWS_MAX][ROWS_MAX];
};

static int fail(const struct page *self, const char *what, const char *name)
{
    fprintf(stderr, "%s:%u: %s %s\n", self->path, self->line, what, name);
    return -1;
}

/* ---- rows ---- */

static int put_row(struct page *self, unsigned view, unsigned row)
{
    if (row >= ROWS_MAX)
        return fail(self, "there are too many rows of", views[view].word);
    self->shown[view][row] = true;
    views[view].put(row, &self->out);
    return 0;
}

static int put_one(struct page *self, unsigned view, const char *name)
{
    const char *at;

    for (unsigned row = 0; (at = views[view].name(row)); row++) {
        if (strcmp(at, name) != 0)
            continue;
        if (self->shown[view][row])
            return fail(self, "is here already:", name);
        return put_row(self, view, row);
    }
    return fail(self, "the table has no", name);
}

static int put_rest(struct page *self, unsigned view)
{
    int r = 0;

    for (unsigned row = 0; r == 0 && views[view].name(row); row++)
        if (!self->shown[view][row])
            r = put_row(self, view, row);
    return r;
}

/* ---- lines ---- */

/* What stands between the two @. */
static int expand(struct page *self, char *text)
{
    char *name = strchr(text, ' ');

    if (strcmp(text, "version") == 0) {
        mwd_buffer_puts(&self->out, ".Os memwatchd " MW_VERSION "\n");
        return 0;
    }
    if (name)
        *name++ = '\0';
    for (unsigned view = 0; view < view_count; view++) {
        if (strcmp(text, name ? views[view].word : views[view].words) != 0)
            continue;
        self->touched[view] = true;
        return name ? put_one(self, view, name) : put_rest(self, view);
    }
    return fail(self, "there is no table", text);
}

static int take_line(struct page *self, char *line)
{
    size_t size = strcspn(line, "\n");

    self->line++;
    if (line[size] != '\n')
        return fail(self, "the line is too long, or does not end:", line);
    if (line[0] != '@') {
        mwd_buffer_puts(&self->out, line);
        return 0;
    }
    if (size < 3 || line[size - 1] != '@')
        return fail(self, "this is neither text nor a table:", line);
    line[size - 1] = '\0';
    return expand(self, line + 1);
}

static int take_file(struct page *self, FILE *file)
{
    char line[LINE_MAX_BYTES];
    int r = 0;

    while (r == 0 && fgets(line, sizeof line, file))
        r = take_line(self, line);
    return r;
}

/* ---- the whole ---- */

static int check_complete(const struct page *self)
{
    int r = 0;

    for (unsigned view = 0; view < view_count; view++)
        for (unsigned row = 0; self->touched[view] && views[view].name(row); row++)
            if (!self->shown[view][row])
                r = fail(self, "the page lacks", views[view].name(row));
    return r;
}

static int print(const struct page *self)
{
    if (self->out.failed)
        return fail(self, "does not fit:", "the page");
    if (fwrite(self->out.bytes, self->out.size, 1, stdout) != 1 || fflush(stdout) != 0)
        return fail(self, "cannot write", "the page");
    return 0;
}

int main(int argc, char **argv)
{
    static struct page page;
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;

    if (!file) {
        fprintf(stderr, "manual: takes the source of a page\n");
        return EXIT_FAILURE;
    }
    page.path = argv[1];
    mwd_buffer_init(&page.out, PAGE_MAX);
    int r = take_file(&page, file);
    fclose(file);
    if (r == 0)
        r = check_complete(&page);
    if (r == 0)
        r = print(&page);
    mwd_buffer_deinit(&page.out);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
