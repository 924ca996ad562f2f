#include "daemon/options.h"
#include "daemon/config_internal.h"

#include "base/scan.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the flags that are not keys ---- */

/* One without an argument sets the mode, or a key to true; one with an argument sets a text, or the
 * speed. */
struct flag {
    const char *name;
    const char *argument;
    const char *help;
    enum mwd_mode mode;
    size_t offset;   /* of the text in struct mwd_options */
    const char *key; /* or NULL */
};

enum { SPEED = offsetof(struct mwd_options, speed) };

static const struct flag flags[] = {
    {"--config", "FILE", "configuration file, in place of " MWD_CONFIG_PATH, MWD_MODE_RUN,
     offsetof(struct mwd_options, config_path), NULL},
    {"--once", NULL, "print one sample as JSON and exit", MWD_MODE_ONCE, 0, NULL},
    {"--record", "FILE", "write what is read to a new file, for --replay", MWD_MODE_RUN,
     offsetof(struct mwd_options, record), NULL},
    {"--replay", "FILE", "take what was recorded in place of this machine", MWD_MODE_RUN,
     offsetof(struct mwd_options, replay), NULL},
    {"--speed", "N", "replay so many times faster: 0.1 to 1000, or max (default 1)", MWD_MODE_RUN,
     SPEED, NULL},
    {"--trace-gc", NULL,
     "write a line to the log for each collection of the heap: heap.trace = true", MWD_MODE_RUN, 0,
     "heap.trace"},
    {"--check-config", NULL, "say what is wrong with the configuration and exit",
     MWD_MODE_CHECK_CONFIG, 0, NULL},
    {"--dump-config", NULL, "print the effective configuration with origins and exit",
     MWD_MODE_DUMP_CONFIG, 0, NULL},
    {"--version", NULL, "print the version and exit", MWD_MODE_VERSION, 0, NULL},
    {"--help", NULL, "print this and exit", MWD_MODE_HELP, 0, NULL},
};

enum { FLAG_COUNT = sizeof flags / sizeof flags[0] };

static const char *flag_of(enum mwd_mode mode)
{
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (!flags[i].argument && flags[i].mode == mode)
            return flags[i].name;
    return NULL;
}

/* ---- parsing ---- */

struct parser {
    char **left; /* next argument; NULL-terminated, as argv is */
    struct mwd_options options;
    struct mwd_buffer *error;
    bool speed_given;
};

/* `got` may be NULL. */
static int fail(struct parser *self, const char *flag, const char *sentence, const char *got)
{
    mwd_buffer_puts(self->error, "memwatchd: ");
    mwd_config_put_clean(self->error, flag, strlen(flag), 100);
    mwd_buffer_printf(self->error, ": %s", sentence);
    if (got) {
        mwd_buffer_puts(self->error, "; got \"");
        mwd_config_put_clean(self->error, got, strlen(got), 100);
        mwd_buffer_puts(self->error, "\"");
    }
    mwd_buffer_puts(self->error, "\n");
    return -EINVAL;
}

static int fail_pair(struct parser *self, const char *flag, enum mwd_mode mode)
{
    mwd_buffer_printf(self->error, "memwatchd: %s: does not go together with %s\n", flag,
                      flag_of(mode));
    return -EINVAL;
}

/* Is `argument` this flag, alone or with "=value"? *ret_value is NULL when it is alone. */
static bool matches(const char *argument, const char *name, const char **ret_value)
{
    size_t size = name ? strlen(name) : 0;

    if (!name || strncmp(argument, name, size) != 0 ||
        (argument[size] != '\0' && argument[size] != '='))
        return false;
    *ret_value = argument[size] ? argument + size + 1 : NULL;
    return true;
}

/* The next argument, when the flag did not bring its value along. One that looks like a flag is
 * hardly meant as a value. */
static int need_value(struct parser *self, const char *flag, const char **value)
{
    if (*value)
        return 0;
    if (!*self->left)
        return fail(self, flag, "needs a value", NULL);
    if (strncmp(*self->left, "--", 2) == 0)
        return fail(self, flag, "needs a value (one that begins with -- is joined to it by =)",
                    *self->left);
    *value = *self->left++;
    return 0;
}

static int set_speed(struct parser *self, const char *value)
{
    struct mw_scan scan = mw_scan_over(value, strlen(value));
    double speed;

    if (strcmp(value, "max") == 0)
        speed = INFINITY;
    else if (!mw_scan_decimal(&scan, &speed) || !mw_scan_done(&scan) || speed < 0.1 || speed > 1000)
        return fail(self, "--speed", "takes a number from 0.1 to 1000, or max", value);
    self->options.speed = speed;
    self->speed_given = true;
    return 0;
}

static int set_mode(struct parser *self, const struct flag *flag)
{
    enum mwd_mode old = self->options.mode;

    if (old != MWD_MODE_RUN && old != flag->mode)
        return fail_pair(self, flag->name, old);
    self->options.mode = flag->mode;
    return 0;
}

/* The value is checked with the rest of the configuration. */
static int add_setting(struct parser *self, const char *key, const char *value, const char *flag)
{
    struct mwd_options *options = &self->options;

    if (options->setting_count == MWD_SETTINGS_MAX)
        return fail(self, flag, "there are more than 64 of such flags", NULL);
    options->settings[options->setting_count++] = (struct mwd_setting){key, value, flag};
    return 0;
}

static int take_key(struct parser *self, const struct mwd_key_info *key, const char *value)
{
    int r = need_value(self, key->flag, &value);

    return r < 0 ? r : add_setting(self, key->name, value, key->flag);
}

static int take_flag(struct parser *self, const struct flag *flag, const char *value)
{
    int r;

    if (!flag->argument && value)
        return fail(self, flag->name, "takes no value", value);
    if (flag->key)
        return add_setting(self, flag->key, "true", flag->name);
    if (!flag->argument)
        return set_mode(self, flag);
    r = need_value(self, flag->name, &value);
    if (r < 0)
        return r;
    if (flag->offset == SPEED)
        return set_speed(self, value);
    if (*value == '\0')
        return fail(self, flag->name, "takes the name of a file", value);
    *(const char **)((char *)&self->options + flag->offset) = value;
    return 0;
}

static int take_argument(struct parser *self, const char *argument)
{
    const char *value;

    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (matches(argument, flags[i].name, &value))
            return take_flag(self, &flags[i], value);
    for (uint32_t i = 0; i < mwd_config_key_count; i++)
        if (matches(argument, mwd_config_keys[i].flag, &value))
            return take_key(self, &mwd_config_keys[i], value);
    if (*argument == '-')
        return fail(self, argument, "no such option; try --help", NULL);
    return fail(self, argument, "is not a flag, and nothing else is taken; try --help", NULL);
}

/* ---- what goes together ---- */

static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;

    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int check_together(struct parser *self)
{
    const struct mwd_options *options = &self->options;
    enum mwd_mode mode = options->mode;

    if (self->speed_given && !options->replay)
        return fail(self, "--speed", "needs --replay", NULL);
    if (self->speed_given && mode == MWD_MODE_ONCE)
        return fail_pair(self, "--speed", mode);
    if (options->record && mode != MWD_MODE_RUN)
        return fail_pair(self, "--record", mode);
    if (options->replay && mode != MWD_MODE_RUN && mode != MWD_MODE_ONCE)
        return fail_pair(self, "--replay", mode);
    if (options->record && options->replay && is_same_file(options->record, options->replay))
        return fail(self, "--record", "names the file that is replayed", options->record);
    return 0;
}

int mwd_options_parse(int argc, char **argv, struct mwd_buffer *error, struct mwd_options *ret)
{
    struct parser self = {.left = argv + (argc > 0), .error = error};
    int r = 0;

    self.options.speed = 1;
    while (r == 0 && *self.left && self.options.mode < MWD_MODE_VERSION) {
        const char *argument = *self.left++;

        r = take_argument(&self, argument);
    }
    if (r == 0 && self.options.mode < MWD_MODE_VERSION)
        r = check_together(&self);
    if (r < 0)
        return r;
    self.options.config_path_is_default = !self.options.config_path;
    if (!self.options.config_path)
        self.options.config_path = MWD_CONFIG_PATH;
    *ret = self.options;
    return 0;
}

/* ---- the tables, for others ---- */

bool mwd_options_flag(uint32_t index, struct mwd_flag_info *ret)
{
    uint32_t left = index;

    if (left < FLAG_COUNT) {
        *ret = (struct mwd_flag_info){flags[left].name, flags[left].argument, flags[left].help};
        return true;
    }
    left -= FLAG_COUNT;
    for (uint32_t i = 0; i < mwd_config_key_count; i++) {
        const struct mwd_key_info *key = &mwd_config_keys[i];

        if (!key->flag || left-- > 0)
            continue;
        *ret = (struct mwd_flag_info){key->flag, key->argument, key->help};
        return true;
    }
    return false;
}

/* ---- help ---- */

enum { HELP_WIDTH = 80, HELP_INDENT = 24, KEY_INDENT = 6 };

/* Words of `text`, in lines that begin at column `indent`, where the first one is already. */
static void put_words(struct mwd_buffer *out, int indent, const char *text)
{
    int column = indent;

    while (*text) {
        size_t length = strcspn(text, " ");
        int size = (int)length;

        if (column > indent && column + 1 + size > HELP_WIDTH) {
            mwd_buffer_printf(out, "\n%*s", indent, "");
            column = indent;
        }
        mwd_buffer_printf(out, "%s%.*s", column > indent ? " " : "", size, text);
        column += size + (column > indent);
        text += length;
        text += strspn(text, " ");
    }
}

static void put_flag(struct mwd_buffer *out, const char *name, const char *argument,
                     const char *help)
{
    int size = (int)(strlen(name) + (argument ? strlen(argument) + 1 : 0));
    int gap = HELP_INDENT - 2 - size;

    mwd_buffer_printf(out, "  %s%s%s", name, argument ? " " : "", argument ? argument : "");
    if (gap > 0)
        mwd_buffer_printf(out, "%*s", gap, "");
    else
        mwd_buffer_printf(out, "\n%*s", HELP_INDENT, "");
    put_words(out, HELP_INDENT, help);
    mwd_buffer_puts(out, "\n");
}

static void put_key(struct mwd_buffer *out, const struct mwd_key_info *key)
{
    struct mwd_buffer text;

    mwd_buffer_init(&text, 4096);
    mwd_buffer_printf(&text, "%s. Takes %s.%s", key->help, key->takes,
                      key->restart ? " A change needs a restart." : "");
    mwd_buffer_append(&text, "", 1);
    mwd_buffer_printf(out, "  %s = %s\n%*s", key->name, key->default_text, KEY_INDENT, "");
    if (!text.failed)
        put_words(out, KEY_INDENT, text.bytes);
    mwd_buffer_puts(out, "\n");
    mwd_buffer_deinit(&text);
}

void mwd_options_help(struct mwd_buffer *out)
{
    mwd_buffer_puts(out, "memwatchd tells the memory of this machine and of its processes over "
                         "HTTP.\n\nUsage: memwatchd [FLAG [VALUE]]...\n\nFlags:\n");
    for (size_t i = 0; i < FLAG_COUNT; i++)
        put_flag(out, flags[i].name, flags[i].argument, flags[i].help);
    mwd_buffer_puts(out, "\nFlags that set a key:\n");
    for (uint32_t i = 0; i < mwd_config_key_count; i++)
        if (mwd_config_keys[i].flag)
            put_flag(out, mwd_config_keys[i].flag, mwd_config_keys[i].argument,
                     mwd_config_keys[i].help);
    mwd_buffer_puts(
        out, "\nKeys of the configuration file, with their defaults. Files beside it in\n"
             "memwatchd.d/*.conf come after it, then the environment (MEMWATCHD_KEEP_FDS for\n"
             "keep-fds), then flags; the last one counts. heap.limit is limit in heap { ... }.\n");
    for (uint32_t i = 0; i < mwd_config_key_count; i++)
        put_key(out, &mwd_config_keys[i]);
}
