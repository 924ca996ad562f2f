/* What a group is called. */
#include "daemon/matcher_internal.h"

#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    enum mwd_template_field field;
} fields[] = {
    {"Comm", MWD_TEMPLATE_COMM},        {"ExeBase", MWD_TEMPLATE_EXE_BASE},
    {"ExeFull", MWD_TEMPLATE_EXE_FULL}, {"Username", MWD_TEMPLATE_USERNAME},
    {"PID", MWD_TEMPLATE_PID},          {"StartTime", MWD_TEMPLATE_START_TIME},
    {"Cgroups", MWD_TEMPLATE_CGROUPS},
};

/* ---- reading it ---- */

static int fail(char why[MWD_MATCHER_WHY_MAX], const char *sentence, size_t at)
{
    snprintf(why, MWD_MATCHER_WHY_MAX, "%s, at its byte %zu", sentence, at + 1);
    return -EINVAL;
}

static int add(struct mwd_template *self, enum mwd_template_field field, size_t begin, size_t size,
               char why[MWD_MATCHER_WHY_MAX])
{
    if (self->count == MWD_TEMPLATE_PARTS_MAX)
        return fail(why, "a template has at most 32 parts", begin);
    self->parts[self->count++] = (struct mwd_template_part){field, (uint32_t)begin, (uint32_t)size};
    return 0;
}

static int add_field(struct mwd_template *self, size_t begin, size_t size,
                     char why[MWD_MATCHER_WHY_MAX])
{
    static const char matches[] = ".Matches.";
    const char *name = self->text + begin;

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (size == strlen(fields[i].name) + 1 && *name == '.' &&
            memcmp(name + 1, fields[i].name, size - 1) == 0)
            return add(self, fields[i].field, begin, size, why);
    if (size > strlen(matches) && memcmp(name, matches, strlen(matches)) == 0)
        return add(self, MWD_TEMPLATE_MATCHES, begin + strlen(matches), size - strlen(matches),
                   why);
    return fail(why,
                "a template takes {{.Comm}}, {{.ExeBase}}, {{.ExeFull}}, {{.Username}}, {{.PID}}, "
                "{{.StartTime}}, {{.Cgroups}} and {{.Matches.NAME}}",
                begin);
}

/* Behind {{. Where the template goes on is in *at. */
static int read_action(struct mwd_template *self, size_t *at, char why[MWD_MATCHER_WHY_MAX])
{
    size_t begin = *at;
    const char *end = strstr(self->text + begin, "}}");
    size_t size = end ? (size_t)(end - self->text) - begin : 0;

    if (!end)
        return fail(why, "this {{ is never closed by }}", begin - 2);
    *at = begin + size + 2;
    while (size > 0 && self->text[begin] == ' ') {
        begin++;
        size--;
    }
    while (size > 0 && self->text[begin + size - 1] == ' ')
        size--;
    return add_field(self, begin, size, why);
}

static int read_parts(struct mwd_template *self, char why[MWD_MATCHER_WHY_MAX])
{
    size_t at = 0;
    int r = 0;

    while (r == 0 && self->text[at]) {
        const char *open = strstr(self->text + at, "{{");
        size_t size = open ? (size_t)(open - self->text) - at : strlen(self->text + at);

        if (size > 0)
            r = add(self, MWD_TEMPLATE_TEXT, at, size, why);
        at += size;
        if (r == 0 && open) {
            at += 2;
            r = read_action(self, &at, why);
        }
    }
    return r;
}

int mwd_template_create(const char *text, struct mwd_template **ret, char why[MWD_MATCHER_WHY_MAX])
{
    struct mwd_template *self;
    int r;

    if (strlen(text) > MWD_MATCHER_TEMPLATE_MAX)
        return fail(why, "a template has at most 256 bytes", MWD_MATCHER_TEMPLATE_MAX);
    self = calloc(1, sizeof *self);
    if (self)
        self->text = strdup(text);
    r = self && self->text ? read_parts(self, why) : -ENOMEM;
    if (r == 0)
        *ret = self;
    else
        mwd_template_destroy(self);
    return r;
}

struct mwd_template *mwd_template_destroy(struct mwd_template *self)
{
    if (self)
        free(self->text);
    free(self);
    return NULL;
}

bool mwd_template_uses(const struct mwd_template *self, enum mwd_template_field field)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->parts[i].field == field)
            return true;
    return false;
}

/* ---- filling it in ---- */

void mwd_matcher_base(const char *path, size_t size, const char **ret_base, size_t *ret_size)
{
    const char *slash;

    *ret_base = size > 0 ? "/" : ".";
    *ret_size = 1;
    while (size > 0 && path[size - 1] == '/')
        size--;
    if (size == 0)
        return;
    slash = memrchr(path, '/', size);
    *ret_base = slash ? slash + 1 : path;
    *ret_size = size - (size_t)(*ret_base - path);
}

struct name {
    char *bytes;
    size_t size;
    bool full;
};

/* A character that has no room is left out with all behind it. */
static void put(struct name *self, const char *bytes, size_t size)
{
    while (size > 0 && !self->full) {
        size_t length = mw_utf8_sequence(bytes, size), used;

        length = length > 0 ? length : 1;
        used = mw_utf8_escape(bytes, length, self->bytes + self->size,
                              MWD_MATCHER_NAME_MAX - self->size);
        self->full = used == 0;
        self->size += used;
        bytes += length;
        size -= length;
    }
}

static void put_text(struct name *self, const char *text)
{
    put(self, text ? text : "", text ? strlen(text) : 0);
}

/* As Go prints a time in UTC: the fraction without 0 at its end. */
static void put_time(struct name *self, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[64];
    size_t size;

    if (!gmtime_r(&seconds, &parts))
        return;
    size = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    if (ms % 1000 > 0)
        size += (size_t)snprintf(text + size, sizeof text - size, ".%03d", (int)(ms % 1000));
    while (ms % 1000 > 0 && text[size - 1] == '0')
        size--;
    put(self, text, size);
    put_text(self, " +0000 UTC");
}

/* As Go prints a list of texts: the paths of all lines. */
static void put_cgroups(struct name *self, const char *lines)
{
    const char *space = "";

    put_text(self, "[");
    while (lines && *lines) {
        size_t size = strcspn(lines, "\n");
        const char *path = memchr(lines, ':', size);

        path = path ? memchr(path + 1, ':', size - (size_t)(path + 1 - lines)) : NULL;
        if (path) {
            put_text(self, space);
            put(self, path + 1, size - (size_t)(path + 1 - lines));
            space = " ";
        }
        lines += size + (lines[size] == '\n');
    }
    put_text(self, "]");
}

static void put_match(struct name *self, const struct mwd_template_input *input, const char *name,
                      size_t size)
{
    for (uint32_t i = input->capture_count; i > 0; i--) {
        const struct mwd_capture *capture = &input->captures[i - 1];

        if (strlen(capture->name) != size || memcmp(capture->name, name, size) != 0)
            continue;
        put(self, capture->bytes, capture->size);
        return;
    }
}

static void put_part(struct name *self, const struct mwd_template *template,
                     const struct mwd_template_part *part, const struct mwd_template_input *input)
{
    const struct mwd_matcher_process *process = input->process;
    char number[32];
    const char *base;
    size_t size;

    switch (part->field) {
    case MWD_TEMPLATE_TEXT:
        put(self, template->text + part->begin, part->size);
        return;
    case MWD_TEMPLATE_COMM:
        put_text(self, process->comm);
        return;
    case MWD_TEMPLATE_EXE_BASE:
        mwd_matcher_base(input->exe, input->exe_size, &base, &size);
        put(self, base, size);
        return;
    case MWD_TEMPLATE_EXE_FULL:
        put(self, input->exe, input->exe_size);
        return;
    case MWD_TEMPLATE_USERNAME:
        put_text(self, process->username);
        return;
    case MWD_TEMPLATE_PID:
        snprintf(number, sizeof number, "%" PRIu64, process->pid);
        put_text(self, number);
        return;
    case MWD_TEMPLATE_START_TIME:
        put_time(self, process->start_ms);
        return;
    case MWD_TEMPLATE_CGROUPS:
        put_cgroups(self, process->cgroups);
        return;
    case MWD_TEMPLATE_MATCHES:
        put_match(self, input, template->text + part->begin, part->size);
        return;
    }
}

size_t mwd_template_fill(const struct mwd_template *self, const struct mwd_template_input *input,
                         char ret[MWD_MATCHER_NAME_MAX + 1])
{
    struct name name = {.bytes = ret};

    for (uint32_t i = 0; i < self->count; i++)
        put_part(&name, self, &self->parts[i], input);
    ret[name.size] = '\0';
    return name.size;
}
