/* Sinks, when all sources are read: each type takes its own keys. */
#include "daemon/config_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order of enum mwd_sink_type. */
static const char *const types[] = {"webhook", "alertmanager", "exec", "journal", NULL};

#define OF(type) (1U << MWD_SINK_##type)

/* Keys that only some types have a use for, and those that cannot be without. */
static const struct {
    uint32_t key;
    unsigned takes, needs;
} uses[] = {
    {MWD_IN_SINK_URL, OF(WEBHOOK) | OF(ALERTMANAGER), OF(WEBHOOK) | OF(ALERTMANAGER)},
    {MWD_IN_SINK_TOKEN_FILE, OF(WEBHOOK) | OF(ALERTMANAGER), 0},
    {MWD_IN_SINK_CA_FILE, OF(WEBHOOK) | OF(ALERTMANAGER), 0},
    {MWD_IN_SINK_COMMAND, OF(EXEC), OF(EXEC)},
};

/* ---- one text ---- */

static uint32_t find_type(const char *text)
{
    uint32_t i = 0;

    while (types[i] && strcmp(types[i], text) != 0)
        i++;
    return i;
}

bool mwd_config_is_sink_type(const char *text)
{
    return types[find_type(text)];
}

/* Of what stands between the slashes: "host", "host:9093", "[::1]:9093". */
static bool is_authority(const char *text, size_t size)
{
    const char *end = text + size, *at = text;
    unsigned long port = 0;

    if (*text == '[')
        while (at < end && *at != ']')
            at++;
    while (at < end && *at != ':')
        at++;
    if (at == text || memchr(text, '@', size))
        return false;
    if (at == end)
        return true;
    for (at++; at < end && *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
        port = port * 10 + (unsigned long)(*at - '0');
    return at == end && port > 0 && port <= UINT16_MAX;
}

/* What stands behind the host is the server's business. */
bool mwd_config_is_url(const char *text)
{
    if (strncmp(text, "http://", 7) == 0)
        text += 7;
    else if (strncmp(text, "https://", 8) == 0)
        text += 8;
    else
        return false;
    return is_authority(text, strcspn(text, "/?#")) && !strpbrk(text, " \t\"<>\\^`{|}");
}

/* ---- between keys ---- */

static void fail_with(struct mwd_config_loader *self, const struct mwd_titled *block, uint32_t key,
                      const char *sentence)
{
    struct mwd_buffer *error = mwd_config_titled_fail(self, MWD_TITLED_SINK, block, key);

    if (error)
        mwd_buffer_puts(error, sentence);
}

static bool is_given(const struct mwd_titled *block, uint32_t key)
{
    return mwd_config_titled_list(block, key)->count > 0 && *mwd_config_titled_text(block, key);
}

static void check_uses(struct mwd_config_loader *self, const struct mwd_titled *block,
                       const struct mwd_sink_config *sink)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        unsigned type = 1U << sink->type;
        bool given = is_given(block, uses[i].key);
        struct mwd_buffer *error = NULL;

        if (given && !(uses[i].takes & type))
            error = mwd_config_titled_fail(self, MWD_TITLED_SINK, block, uses[i].key);
        else if (!given && (uses[i].needs & type))
            error = mwd_config_titled_fail(self, MWD_TITLED_SINK, block, MWD_TITLED_KEYS);
        if (error && given)
            mwd_buffer_printf(error, "a sink of type %s has no use for it", types[sink->type]);
        else if (error)
            mwd_buffer_printf(error, "type %s needs %s: %s", types[sink->type],
                              mwd_config_titled_short_name(uses[i].key),
                              mwd_config_titled_keys[uses[i].key].takes);
    }
}

static void check_values(struct mwd_config_loader *self, const struct mwd_titled *block,
                         const struct mwd_sink_config *sink)
{
    if (sink->type == MWD_SINK_WEBHOOK && sink->urls->count > 1)
        fail_with(self, block, MWD_IN_SINK_URL,
                  "a webhook takes one address; for another one there is another sink");
    if (sink->urls->count > MWD_CONFIG_URLS_MAX)
        fail_with(self, block, MWD_IN_SINK_URL, "takes at most 8 addresses");
    if (sink->type == MWD_SINK_EXEC && is_given(block, MWD_IN_SINK_COMMAND) &&
        *sink->command->items[0] != '/')
        fail_with(self, block, MWD_IN_SINK_COMMAND,
                  "begins with the absolute path of a program: no PATH is looked through");
}

/* ---- all ---- */

static void take(struct mwd_config_loader *self, const struct mwd_titled *block,
                 struct mwd_sink_config *sink)
{
    *sink = (struct mwd_sink_config){
        .name = block->title,
        .enabled = mwd_config_titled_bool(block, MWD_IN_SINK_ENABLED),
        .urls = mwd_config_titled_list(block, MWD_IN_SINK_URL),
        .command = mwd_config_titled_list(block, MWD_IN_SINK_COMMAND),
        .token_file = mwd_config_titled_text(block, MWD_IN_SINK_TOKEN_FILE),
        .ca_file = mwd_config_titled_text(block, MWD_IN_SINK_CA_FILE),
        .deadline_ns = mwd_config_titled_number(block, MWD_IN_SINK_DEADLINE),
        .timeout_ns = mwd_config_titled_number(block, MWD_IN_SINK_TIMEOUT),
        .queue = mwd_config_titled_number(block, MWD_IN_SINK_QUEUE),
    };
    if (!block->values[MWD_IN_SINK_TYPE]) {
        fail_with(self, block, MWD_TITLED_KEYS,
                  "needs a type: webhook, alertmanager, exec or journal");
        return;
    }
    sink->type = (enum mwd_sink_type)find_type(mwd_config_titled_text(block, MWD_IN_SINK_TYPE));
    check_uses(self, block, sink);
    check_values(self, block, sink);
}

int mwd_config_check_sinks(struct mwd_config_loader *self)
{
    const struct mwd_titled_set *set = &self->loaded->titled[MWD_TITLED_SINK];
    struct mwd_config *config = &self->loaded->config;

    config->sinks = calloc(set->count + 1, sizeof *config->sinks);
    if (!config->sinks)
        return -ENOMEM;
    config->sink_count = set->count;
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->items[i]->bad)
            take(self, set->items[i], &config->sinks[i]);
    return 0;
}
