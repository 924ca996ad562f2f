/* Loading: each source in turn over what the ones before it left, then the checks between keys. */
#include "daemon/config_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "MEMWATCHD_";
enum { PREFIX_SIZE = sizeof prefix - 1 };

/* ---- defaults ---- */

/* What stands in front of a key in the file: the end of the block before it, the begin of its own.
 */
static void put_key(uint32_t key, struct mwd_buffer *out)
{
    uint32_t before = key > 0 ? mwd_config_block_of(key - 1) : MWD_CONFIG_BLOCKS;
    uint32_t block = key < MWD_CONFIG_KEYS ? mwd_config_block_of(key) : MWD_CONFIG_BLOCKS;

    if (before != block && before < MWD_CONFIG_BLOCKS)
        mwd_buffer_puts(out, "}\n");
    if (before != block && block < MWD_CONFIG_BLOCKS)
        mwd_buffer_printf(out, "%s {\n", mwd_config_blocks[block]);
    if (key < MWD_CONFIG_KEYS)
        mwd_buffer_printf(out, "%s%s = ", block < MWD_CONFIG_BLOCKS ? "    " : "",
                          mwd_config_short_name(key));
}

static void write_defaults(struct mwd_buffer *out)
{
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        put_key(key, out);
        mwd_buffer_printf(out, "%s\n", mwd_config_keys[key].default_text);
    }
    put_key(MWD_CONFIG_KEYS, out);
    mwd_buffer_append(out, "", 1);
}

/* They go through the same reader as a file, so that the table cannot say what a file could not. */
static int load_defaults(struct mwd_config_loader *self)
{
    struct mwd_buffer text;
    int r;

    mwd_buffer_init(&text, SIZE_MAX);
    write_defaults(&text);
    r = text.failed ? text.failed : mwd_config_load_text(self, "default", text.bytes);
    mwd_buffer_deinit(&text);
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS && r == 0; key++) {
        char *origin = strdup("default");

        if (!origin)
            return -ENOMEM;
        free(self->loaded->origins[key].text);
        self->loaded->origins[key] = (struct mwd_config_origin){origin, false};
    }
    return r;
}

/* The lowest layer of titled blocks; it has no place to look at but the manual. */
static int load_default_alerts(struct mwd_config_loader *self)
{
    char *text = strdup(mwd_config_default_alerts);
    int r;

    if (!text)
        return -ENOMEM;
    r = mwd_config_load_text(self, mwd_config_built_in, text);
    free(text);
    return r;
}

/* ---- environment ---- */

static char *trim(char *text)
{
    char *end;

    text += strspn(text, " \t");
    end = text + strlen(text);
    while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    return text;
}

/* Cuts `text` at its commas into elements without blanks around them. */
static void split(char *text, struct mwd_config_given *given)
{
    char *rest = text;

    for (char *part; (part = strsep(&rest, ","));) {
        part = trim(part);
        if (*part == '\0' && given->count == 0 && !rest)
            return; /* nothing at all is the empty list */
        if (given->count < MWD_CONFIG_LIST_MAX)
            given->items[given->count].text = part;
        given->count++;
    }
}

static int set_variable(struct mwd_config_loader *self, uint32_t key, const char *name,
                        const char *value)
{
    struct mwd_config_given given = {.key = key, .place = {name, 0, NULL}};
    char *copy = strdup(value);
    int r;

    if (!copy)
        return -ENOMEM;
    if (mwd_config_keys[key].type == MWD_KEY_LIST) {
        split(copy, &given);
    } else {
        given.count = 1;
        given.items[0].text = copy;
    }
    r = mwd_config_set(self, &given);
    free(copy);
    return r;
}

enum { NAME_SHOWN_MAX = 64 };

/* The variable that was probably meant, as a key: "KEEP_FD" is near to "keep-fds". */
static uint32_t nearest(const char *name)
{
    char key[NAME_SHOWN_MAX];
    size_t size = 0;

    for (; size < sizeof key && name[size]; size++) {
        key[size] = name[size];
        if (key[size] == '_')
            key[size] = '-';
    }
    return mwd_config_nearest(MWD_CONFIG_BLOCKS, key, size);
}

/* A name with a typing error must not be passed over: somebody meant it. A name that is near to no
 * key is not ours: Kubernetes sets MEMWATCHD_PORT and others of its own for a service of this
 * name, and they must not keep the daemon from starting. */
static void fail_variable(struct mwd_config_loader *self, const char *variable, size_t size)
{
    char name[NAME_SHOWN_MAX + 1], meant[MWD_CONFIG_VARIABLE_SIZE];
    struct mwd_config_place place = {name, 0, NULL};
    struct mwd_buffer *error;
    uint32_t key;

    snprintf(name, sizeof name, "%.*s", (int)(size < NAME_SHOWN_MAX ? size : NAME_SHOWN_MAX),
             variable);
    key = nearest(name + PREFIX_SIZE);
    if (key == MWD_CONFIG_KEYS)
        return;
    error = mwd_config_errors_add(&self->errors, &place);
    if (!error)
        return;
    mwd_config_variable(key, meant);
    mwd_buffer_printf(error, "no such key; did you mean %s?", meant);
}

static int load_variable(struct mwd_config_loader *self, const char *variable)
{
    size_t size = strcspn(variable, "=");

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS && variable[size]; key++) {
        char name[MWD_CONFIG_VARIABLE_SIZE];

        mwd_config_variable(key, name);
        if (strlen(name) == size && memcmp(name, variable, size) == 0)
            return set_variable(self, key, name, variable + size + 1);
    }
    fail_variable(self, variable, size);
    return 0;
}

static int load_environment(struct mwd_config_loader *self, char *const *environment)
{
    int r = 0;

    mwd_config_errors_next_source(&self->errors);
    for (; environment && *environment && r == 0; environment++)
        if (strncmp(*environment, prefix, PREFIX_SIZE) == 0)
            r = load_variable(self, *environment);
    return r;
}

/* ---- command line ---- */

/* All elements of a list key, at the first of its settings. One that is empty and alone makes the
 * list empty. */
static void gather(const struct mwd_config_input *input, uint32_t first,
                   struct mwd_config_given *given)
{
    const char *key = input->settings[first].key;

    for (uint32_t i = first; i < input->setting_count; i++) {
        if (strcmp(input->settings[i].key, key) != 0)
            continue;
        if (given->count < MWD_CONFIG_LIST_MAX)
            given->items[given->count].text = input->settings[i].value;
        given->count++;
    }
    if (given->count == 1 && *given->items[0].text == '\0')
        given->count = 0;
}

static bool seen_before(const struct mwd_config_input *input, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (strcmp(input->settings[j].key, input->settings[i].key) == 0)
            return true;
    return false;
}

/* Of a key that is no list the last setting counts, so that a script can add its own flags behind
 * those it was given. */
static int load_settings(struct mwd_config_loader *self, const struct mwd_config_input *input)
{
    int r = 0;

    mwd_config_errors_next_source(&self->errors);
    for (uint32_t i = 0; i < input->setting_count && r == 0; i++) {
        const struct mwd_setting *setting = &input->settings[i];
        struct mwd_config_given given = {.place = {setting->flag, 0, NULL}, .count = 0};

        given.key = mwd_config_find(setting->key, strlen(setting->key));
        if (given.key == MWD_CONFIG_KEYS)
            return -EINVAL;
        if (mwd_config_keys[given.key].type != MWD_KEY_LIST)
            given.items[given.count++].text = setting->value;
        else if (seen_before(input, i))
            continue;
        else
            gather(input, i, &given);
        r = mwd_config_set(self, &given);
    }
    return r;
}

/* ---- all ---- */

static int load_sources(struct mwd_config_loader *self, const struct mwd_config_input *input)
{
    int r = load_defaults(self);

    if (r == 0)
        r = load_default_alerts(self);
    if (r == 0)
        r = mwd_config_load_file(self, input->path, input->path_is_default);
    if (r == 0)
        r = mwd_config_load_dropins(self, input->path);
    if (r == 0)
        r = load_environment(self, input->environment);
    if (r == 0)
        r = load_settings(self, input);
    if (r < 0)
        return r;
    mwd_config_check(self);
    r = mwd_config_check_sinks(self);
    if (r == 0)
        r = mwd_config_check_alerts(self);
    return r < 0 ? r : mwd_config_check_groups(self);
}

int mwd_config_load(const struct mwd_config_input *input, struct mwd_buffer *errors,
                    struct mwd_config **ret)
{
    struct mwd_config_loader loader = {.loaded = calloc(1, sizeof *loader.loaded)};
    int r;

    if (!loader.loaded)
        return -ENOMEM;
    r = load_sources(&loader, input);
    if (r == 0 && loader.errors.count == 0) {
        *ret = &loader.loaded->config;
        return 0;
    }
    mwd_config_errors_write(&loader.errors, errors);
    if (r == 0)
        r = (int)loader.errors.count;
    mwd_config_errors_deinit(&loader.errors);
    mwd_config_destroy(&loader.loaded->config);
    return r;
}

struct mwd_config *mwd_config_destroy(struct mwd_config *self)
{
    struct mwd_config_loaded *loaded = (struct mwd_config_loaded *)self;

    if (!self)
        return NULL;
    mwd_config_clear(self);
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++)
        free(loaded->origins[key].text);
    mwd_config_titled_clear(loaded);
    free(loaded);
    return NULL;
}

const char *mwd_config_origin(const struct mwd_config *self, uint32_t key)
{
    return ((const struct mwd_config_loaded *)self)->origins[key].text;
}

/* The key that a line begins with, as "token-file: ...". */
static uint32_t key_in_front(const char *line, size_t line_size)
{
    uint32_t key = 0;

    for (; key < MWD_CONFIG_KEYS; key++) {
        size_t size = strlen(mwd_config_keys[key].name);

        if (line_size > size && line[size] == ':' &&
            memcmp(line, mwd_config_keys[key].name, size) == 0)
            break;
    }
    return key;
}

static void locate_line(const struct mwd_config_loaded *loaded, const char *line, size_t size,
                        struct mwd_buffer *out)
{
    uint32_t key = key_in_front(line, size);
    size_t shown = 0;

    if (key < MWD_CONFIG_KEYS && strcmp(loaded->origins[key].text, "default") != 0) {
        if (loaded->origins[key].names_key)
            shown = strlen(mwd_config_keys[key].name);
        mwd_buffer_printf(out, "%s%s", loaded->origins[key].text, shown > 0 ? "" : ": ");
    }
    mwd_buffer_append(out, line + shown, size - shown);
}

void mwd_config_locate(const struct mwd_config *self, struct mwd_buffer *error)
{
    struct mwd_buffer located;
    size_t size;

    mwd_buffer_init(&located, error->limit);
    for (size_t at = 0; at < error->size; at += size) {
        const char *end = memchr(error->bytes + at, '\n', error->size - at);

        size = end ? (size_t)(end + 1 - (error->bytes + at)) : error->size - at;
        locate_line((const struct mwd_config_loaded *)self, error->bytes + at, size, &located);
    }
    mwd_buffer_deinit(error);
    *error = located;
}

void mwd_config_dump(const struct mwd_config *self, struct mwd_buffer *out)
{
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        put_key(key, out);
        mwd_config_value(self, key, out);
        mwd_buffer_printf(out, "  # %s\n", mwd_config_origin(self, key));
    }
    put_key(MWD_CONFIG_KEYS, out);
    mwd_config_titled_dump((const struct mwd_config_loaded *)self, out);
}
