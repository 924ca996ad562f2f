/* Text in the file's syntax, through the guard and libconfuse into values.
 *
 * All values are strings to libconfuse: it knows no units, and its own numbers would wrap. A string
 * is kept together with the line that it stands on, which libconfuse knows only while it reads it.
 */
#include "daemon/config_internal.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libconfuse reads in all for the errors of one text: a small file has all of them listed. */
enum { READ_SIZE_MAX = 32 << 20 };

struct value {
    uint32_t line;
    char text[];
};

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *ret)
{
    size_t size = strlen(text) + 1;
    struct value *value = malloc(sizeof *value + size);

    (void)opt;
    if (!value)
        return -1;
    value->line = (uint32_t)cfg->line;
    memcpy(value->text, text, size);
    *(void **)ret = value;
    return 0;
}

static void on_error(cfg_t *cfg, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* The first message waits in the comment of the root or the block, which libconfuse frees with the
 * rest and has no other use for. There is no place of our own that this could reach. */
static void on_error(cfg_t *cfg, const char *format, va_list arguments)
{
    if (!cfg->comment && vasprintf(&cfg->comment, format, arguments) < 0)
        cfg->comment = NULL;
}

static cfg_opt_t *put_keys(uint32_t block, cfg_opt_t *at)
{
    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        cfg_flag_t list = mwd_config_keys[key].type == MWD_KEY_LIST ? CFGF_LIST : CFGF_NONE;

        if (mwd_config_block_of(key) == block)
            *at++ = (cfg_opt_t)CFG_PTR_CB(mwd_config_short_name(key), NULL, CFGF_NODEFAULT | list,
                                          on_value, free);
    }
    return at;
}

/* libconfuse takes copies. */
static cfg_t *create(void)
{
    cfg_opt_t blocks[MWD_CONFIG_BLOCKS][MWD_CONFIG_KEYS + 1];
    cfg_opt_t options[MWD_CONFIG_KEYS + MWD_CONFIG_BLOCKS + 1];
    cfg_opt_t *at = put_keys(MWD_CONFIG_BLOCKS, options);
    cfg_t *cfg;

    for (uint32_t block = 0; block < MWD_CONFIG_BLOCKS; block++) {
        *put_keys(block, blocks[block]) = (cfg_opt_t)CFG_END();
        *at++ = (cfg_opt_t)CFG_SEC(mwd_config_blocks[block], blocks[block], CFGF_NONE);
    }
    *at = (cfg_opt_t)CFG_END();
    cfg = cfg_init(options, CFGF_NONE);
    if (cfg)
        cfg_set_error_function(cfg, on_error);
    return cfg;
}

static cfg_t *section(cfg_t *cfg, uint32_t block)
{
    return block < MWD_CONFIG_BLOCKS ? cfg_getsec(cfg, mwd_config_blocks[block]) : cfg;
}

/* The root, or the block, that has the message; NULL when there is none. */
static const cfg_t *refused(cfg_t *cfg)
{
    for (uint32_t block = 0; block <= MWD_CONFIG_BLOCKS; block++) {
        const cfg_t *at = section(cfg, block);

        if (at && at->comment)
            return at;
    }
    return NULL;
}

struct text {
    const char *source;
    char *bytes;
    struct mwd_config_spans spans;
};

static void report(struct mwd_config_loader *self, const struct text *text, const cfg_t *cfg)
{
    struct mwd_config_place place = {text->source, (uint32_t)cfg->line, NULL};
    struct mwd_buffer *error;

    /* What the mark stands for was reported before. */
    if (strchr(cfg->comment, MWD_CONFIG_MARK))
        return;
    error = mwd_config_errors_add(&self->errors, &place);
    if (error)
        mwd_config_put_clean(error, cfg->comment, strlen(cfg->comment), 200);
}

/* Each error makes libconfuse read the whole text again. */
static bool may_read_again(struct mwd_config_loader *self, const struct text *text, uint32_t line,
                           size_t *left)
{
    struct mwd_config_place place = {text->source, line, NULL};
    size_t size = strlen(text->bytes) + 1;
    struct mwd_buffer *error;

    if (size <= *left) {
        *left -= size;
        return true;
    }
    error = mwd_config_errors_add(&self->errors, &place);
    if (error)
        mwd_buffer_puts(error, "too many errors in a file of this size to look for more");
    return false;
}

/* *ret is NULL when there is an error that the text cannot be read without. */
static int parse(struct mwd_config_loader *self, struct text *text, cfg_t **ret)
{
    size_t left = READ_SIZE_MAX;
    bool again = true;

    *ret = NULL;
    for (unsigned i = 0; again && i <= MWD_CONFIG_ERRORS_MAX; i++) {
        cfg_t *cfg = create();
        const cfg_t *at;
        uint32_t line;

        if (!cfg)
            return -ENOMEM;
        if (cfg_parse_buf(cfg, text->bytes) == CFG_SUCCESS) {
            *ret = cfg;
            return 0;
        }
        at = refused(cfg);
        /* Silence is a failed malloc(). */
        if (!at) {
            cfg_free(cfg);
            return -ENOMEM;
        }
        report(self, text, at);
        line = (uint32_t)at->line;
        cfg_free(cfg);
        again = mwd_config_drop_line(self, text->bytes, line, &text->spans) &&
                may_read_again(self, text, line, &left);
    }
    return 0;
}

static int take(struct mwd_config_loader *self, struct mwd_config_given *given, cfg_opt_t *option)
{
    given->count = cfg_opt_size(option);
    for (uint32_t i = 0; i < given->count && i < MWD_CONFIG_LIST_MAX; i++) {
        const struct value *value = cfg_opt_getnptr(option, i);

        given->items[i] = (struct mwd_config_item){value->text, value->line};
    }
    return mwd_config_set(self, given);
}

static int take_all(struct mwd_config_loader *self, const struct text *text, cfg_t *cfg)
{
    int r = 0;

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS && r == 0; key++) {
        uint32_t line = text->spans.keys[key].line;
        struct mwd_config_given given = {.key = key,
                                         .place = {text->source, line, mwd_config_keys[key].name}};

        if (!line)
            continue;
        if (cfg)
            r = take(
                self, &given,
                cfg_getopt(section(cfg, mwd_config_block_of(key)), mwd_config_short_name(key)));
        else
            self->bad[key] = true;
    }
    return r;
}

int mwd_config_load_text(struct mwd_config_loader *self, const char *source, char *bytes)
{
    struct text text = {.source = source, .bytes = bytes};
    cfg_t *cfg;
    int r;

    self->source++;
    mwd_config_errors_next_source(&self->errors);
    r = mwd_config_take_titled(self, source, bytes);
    if (r < 0)
        return r;
    mwd_config_clean_tokens(self, source, bytes);
    mwd_config_clean_statements(self, source, bytes, &text.spans);
    r = parse(self, &text, &cfg);
    if (r == 0)
        r = take_all(self, &text, cfg);
    if (cfg)
        cfg_free(cfg);
    return r;
}
