/* silence and ack: what people say about alerts. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 20, PATH_BYTES = 512 };

static const struct mwd_ctl_column columns[] = {
    {.title = "ID"},
    {.title = "STATE", .at_least = 90},
    {.title = "UNTIL"},
    {.title = "RULE"},
    {.title = "SUBJECT"},
    {.title = "AUTHOR", .at_least = 80},
    {.title = "COMMENT", .flows = true},
};

/* Who runs this, as it can be known; the daemon insists on a name. */
static const char *author_of(const struct mwd_ctl *self)
{
    const struct passwd *user;

    if (self->options->author)
        return self->options->author;
    user = getpwuid(getuid());
    return user ? user->pw_name : "";
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text)
        cJSON_AddStringToObject(object, key, text);
}

/* Sends the document, which is taken over, and prints a sentence about the answer, or the answer.
 */
static int post(struct mwd_ctl *self, const char *path, cJSON *document,
                void (*say)(const cJSON *answer, struct mwd_buffer *out))
{
    char *body = cJSON_PrintUnformatted(document);
    struct mwd_ctl_answer answer;
    struct mwd_buffer out;
    int code;

    cJSON_Delete(document);
    self->body = body;
    code = mwd_ctl_fetch(self, "POST", path, &answer);
    self->body = NULL;
    cJSON_free(body);
    mwd_buffer_init(&out, OUT_MAX);
    if (code == MWD_CTL_OK && self->options->json && answer.body.size > 0) {
        mwd_buffer_printf(&out, "%.*s\n", (int)answer.body.size, answer.body.bytes);
    } else if (code == MWD_CTL_OK) {
        cJSON *parsed = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);

        say(parsed, &out);
        cJSON_Delete(parsed);
    }
    if (code == MWD_CTL_OK)
        code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    mwd_buffer_deinit(&answer.body);
    return code;
}

/* ---- silences ---- */

static void say_silenced(const cJSON *answer, struct mwd_buffer *out)
{
    char until[MWD_CTL_TIME_MAX] = "?";
    uint64_t ms;

    if (mwd_ctl_number(answer, "endsMs", &ms))
        mwd_ctl_put_time(ms, until);
    mwd_buffer_printf(out, "silenced until %s: %s\n", until, mwd_ctl_text(answer, "id", "?"));
}

/* All of them have to match. */
static bool add_labels(cJSON *document, const struct mwd_ctl_texts *texts)
{
    cJSON *labels = texts->count > 0 ? cJSON_AddObjectToObject(document, "labels") : NULL;
    char name[64];

    for (unsigned i = 0; i < texts->count; i++) {
        const char *text = texts->items[i], *equals = strchr(text, '=');

        if (!equals || (size_t)(equals - text) >= sizeof name) {
            mwd_ctl_complain("--label: takes NAME=GLOB; got \"%s\"", text);
            return false;
        }
        snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        cJSON_AddStringToObject(labels, name, equals + 1);
    }
    return true;
}

static int add(struct mwd_ctl *self)
{
    const struct mwd_ctl_options *options = self->options;
    cJSON *document = cJSON_CreateObject();

    if (!add_labels(document, &options->labels)) {
        cJSON_Delete(document);
        return MWD_CTL_USAGE;
    }
    add_text(document, "rule", options->rule);
    add_text(document, "subject", options->subject);
    if (options->severity)
        cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "severity"),
                             cJSON_CreateString(options->severity));
    cJSON_AddStringToObject(document, "for", options->length ? options->length : "1h");
    cJSON_AddStringToObject(document, "author", author_of(self));
    add_text(document, "comment", options->comment);
    return post(self, "/api/v1/silences", document, say_silenced);
}

static void put_row(const cJSON *row, struct mwd_ctl_table *table)
{
    char until[MWD_CTL_TIME_MAX] = "-";
    uint64_t ms;

    if (mwd_ctl_number(row, "endsMs", &ms))
        mwd_ctl_put_time(ms, until);
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "id", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "state", "-"));
    mwd_ctl_table_cell(table, "%s", until);
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "rule", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "subject", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "author", "-"));
    mwd_ctl_table_cell(table, "%s", mwd_ctl_text(row, "comment", ""));
}

static int print_list(struct mwd_ctl *self, const cJSON *document)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(document, "silences");
    struct mwd_ctl_table *table;
    struct mwd_buffer out;
    const cJSON *row;
    int code;

    mwd_buffer_init(&out, OUT_MAX);
    if (mwd_ctl_table_create(columns, sizeof columns / sizeof columns[0], &table) < 0) {
        mwd_ctl_complain("silence: no memory for the table");
        return MWD_CTL_FAILED;
    }
    cJSON_ArrayForEach(row, rows)
    {
        put_row(row, table);
    }
    if (cJSON_GetArraySize(rows) > 0)
        mwd_ctl_table_put(table, self, &out);
    else
        mwd_buffer_puts(&out, "there are no silences\n");
    mwd_ctl_table_destroy(table);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

static int list(struct mwd_ctl *self)
{
    cJSON *document;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "GET", "/api/v1/silences");
    code = mwd_ctl_document(self, "/api/v1/silences", &document);
    if (code != MWD_CTL_OK)
        return code;
    code = print_list(self, document);
    cJSON_Delete(document);
    return code;
}

/* An id is what the daemon gave; anything else would be another path. */
static bool is_id(const char *text)
{
    return *text && text[strspn(text, "0123456789abcdef-")] == '\0' && strlen(text) < 64;
}

static int undo(struct mwd_ctl *self)
{
    const char *id = self->options->files[0];
    struct mwd_ctl_answer answer;
    struct mwd_buffer out;
    char path[PATH_BYTES];
    int code;

    if (!is_id(id)) {
        mwd_ctl_complain("silence undo: takes an id, as silence list shows it; got \"%s\"", id);
        return MWD_CTL_USAGE;
    }
    snprintf(path, sizeof path, "/api/v1/silences/%s", id);
    code = mwd_ctl_fetch(self, "DELETE", path, &answer);
    mwd_buffer_deinit(&answer.body);
    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, PATH_BYTES);
    mwd_buffer_printf(&out, "undone: %s\n", id);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}

int mwd_ctl_silence(struct mwd_ctl *self)
{
    if (strcmp(self->options->operand, "add") == 0)
        return add(self);
    return strcmp(self->options->operand, "undo") == 0 ? undo(self) : list(self);
}

/* ---- acknowledgements ---- */

static void say_known(const cJSON *answer, struct mwd_buffer *out)
{
    (void)answer; /* there is none */
    mwd_buffer_puts(out, "acknowledged\n");
}

int mwd_ctl_ack(struct mwd_ctl *self)
{
    const char *id = self->options->operand;
    cJSON *document;
    char path[PATH_BYTES];

    if (!is_id(id)) {
        mwd_ctl_complain("ack: takes an id, as alerts --json shows it; got \"%s\"", id);
        return MWD_CTL_USAGE;
    }
    document = cJSON_CreateObject();
    cJSON_AddStringToObject(document, "author", author_of(self));
    add_text(document, "comment", self->options->comment);
    snprintf(path, sizeof path, "/api/v1/alerts/%s/ack", id);
    return post(self, path, document, say_known);
}
