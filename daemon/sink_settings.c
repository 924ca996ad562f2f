#include "daemon/sink_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void mwd_sink_settings_default(struct mwd_sink_settings *ret)
{
    *ret = (struct mwd_sink_settings){
        .deadline_ms = UINT64_C(600000), .timeout_ms = UINT64_C(10000), .queue = 256};
}

uint32_t mwd_sink_settings_targets(const struct mwd_sink_settings *settings)
{
    return settings->type == MWD_TARGET_ALERTMANAGER ? settings->url_count : 1;
}

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

static bool are_given(const char *const *texts, uint32_t count, uint32_t max)
{
    if (count == 0 || count > max)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!texts[i])
            return false;
    return true;
}

/* Each member has a queue of its own, known by its URL. */
static bool are_different(const char *const *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(texts[i], texts[j]) == 0)
                return false;
    return true;
}

static bool has_its_target(const struct mwd_sink_settings *settings)
{
    switch (settings->type) {
    case MWD_TARGET_WEBHOOK:
        return are_given(settings->urls, settings->url_count, 1) && is_given(settings->urls[0]);
    case MWD_TARGET_ALERTMANAGER:
        return are_given(settings->urls, settings->url_count, MWD_SINK_TARGETS_MAX) &&
               are_different(settings->urls, settings->url_count);
    case MWD_TARGET_EXEC:
        return are_given(settings->arguments, settings->argument_count, MWD_SINK_ARGUMENTS_MAX) &&
               settings->arguments[0][0] == '/';
    case MWD_TARGET_JOURNAL:
        return true;
    }
    return false;
}

static bool is_fine(const struct mwd_sink_settings *settings)
{
    return is_given(settings->name) && has_its_target(settings) && settings->queue > 0 &&
           settings->queue <= MWD_SINK_QUEUE_MAX && settings->deadline_ms > 0 &&
           settings->timeout_ms > 0 && settings->timeout_ms <= UINT32_MAX;
}

int mwd_sink_settings_check(const struct mwd_sink_settings *settings, uint32_t count)
{
    if (count > MWD_SINKS_MAX)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_fine(&settings[i]))
            return -EINVAL;
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(settings[i].name, settings[j].name) == 0)
                return -EINVAL;
    }
    return 0;
}

/* ---- copies ---- */

/* Counts when `at` is NULL, else copies. */
struct copier {
    char *at;
    size_t size;
};

static const char *copy_text(struct copier *self, const char *text)
{
    size_t size = text ? strlen(text) + 1 : 1;
    char *to = self->at;

    self->size += size;
    if (!to)
        return NULL;
    memcpy(to, text ? text : "", size);
    self->at += size;
    return to;
}

static void copy_all(struct copier *copier, const struct mwd_sink_settings *from,
                     struct mwd_sink_own_settings *to)
{
    to->s.name = copy_text(copier, from->name);
    to->s.token_file = copy_text(copier, from->token_file);
    to->s.ca_file = copy_text(copier, from->ca_file);
    for (uint32_t i = 0; i < to->s.url_count; i++)
        to->urls[i] = copy_text(copier, from->urls[i]);
    for (uint32_t i = 0; i < to->s.argument_count; i++)
        to->arguments[i] = copy_text(copier, from->arguments[i]);
}

int mwd_sink_settings_copy(const struct mwd_sink_settings *from, struct mwd_sink_own_settings *ret)
{
    struct copier copier = {NULL, 0};

    *ret = (struct mwd_sink_own_settings){.s = *from};
    if (from->type != MWD_TARGET_WEBHOOK && from->type != MWD_TARGET_ALERTMANAGER)
        ret->s.url_count = 0;
    if (from->type != MWD_TARGET_EXEC)
        ret->s.argument_count = 0;
    copy_all(&copier, from, ret);
    ret->texts = malloc(copier.size);
    if (!ret->texts)
        return -ENOMEM;
    copier = (struct copier){ret->texts, 0};
    copy_all(&copier, from, ret);
    return 0;
}

void mwd_sink_settings_free(struct mwd_sink_own_settings *self)
{
    free(self->texts);
    self->texts = NULL;
}
