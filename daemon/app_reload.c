/* Configuration into parts: at start, and again at each reload. */
#include "daemon/app_internal.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Short of the second in which the daemon is to be gone. */
enum { DRAIN_MS = 400 };

/* With fewer than this nobody is served. */
enum { CONNECTIONS_MIN = 8 };

/* A group that is not there (yet) administrates nothing; the socket then works without one. */
static const char *known_group(const struct mwd_config *config, struct mwd_log *log)
{
    if (config->socket_group[0] == '\0' || getgrnam(config->socket_group))
        return config->socket_group;
    mwd_log(log, MWD_LOG_INFO,
            "socket-group: there is no group \"%s\": only root and this daemon's own user may "
            "administrate over the socket",
            config->socket_group);
    return "";
}

static uint64_t file_limit(void)
{
    struct rlimit limit = {0, 0};

    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

int mwd_app_check_file_limit(struct mwd_buffer *error)
{
    uint64_t limit = file_limit();

    if (limit >= MWD_CONFIG_OTHER_FDS + CONNECTIONS_MIN)
        return 0;
    mwd_buffer_printf(error,
                      "the limit of open files is %llu, and the daemon needs %d or more: raise "
                      "LimitNOFILE= of its unit, or ulimit -n",
                      (unsigned long long)limit, MWD_CONFIG_OTHER_FDS + CONNECTIONS_MIN);
    return -EMFILE;
}

/* As many as there can be descriptors for; a newcomer over that is told the truth. */
static uint32_t max_connections(const struct mwd_config *config, struct mwd_log *log)
{
    uint64_t limit = file_limit();
    uint64_t enough = config->max_connections + MWD_CONFIG_OTHER_FDS;
    uint64_t room = limit > MWD_CONFIG_OTHER_FDS ? limit - MWD_CONFIG_OTHER_FDS : 0;

    if (config->max_connections <= room)
        return (uint32_t)config->max_connections;
    mwd_log(log, MWD_LOG_WARNING,
            "max-connections: %llu is more than the limit of open files (%llu) leaves room for: "
            "%llu are let in; raise LimitNOFILE= of the unit, or ulimit -n, to %llu",
            (unsigned long long)config->max_connections, (unsigned long long)limit,
            (unsigned long long)room, (unsigned long long)enough);
    return (uint32_t)room;
}

void mwd_app_http_settings(const struct mwd_config *config, struct mwd_log *log,
                           struct mwd_http_settings *ret)
{
    *ret = (struct mwd_http_settings){
        .listen = (const char *const *)config->listen.items,
        .listen_count = config->listen.count,
        .socket = config->socket,
        .socket_group = known_group(config, log),
        .hosts = (const char *const *)config->hosts.items,
        .host_count = config->hosts.count,
        .token_file = config->token_file,
        .insecure = config->insecure,
        .limits = {.max_connections = max_connections(config, log),
                   .max_streams = (uint32_t)config->max_streams,
                   .max_body_bytes = config->max_body_bytes,
                   .request_timeout_ns = config->request_timeout_ns,
                   .response_timeout_ns = config->response_timeout_ns,
                   .drain_ns = (uint64_t)DRAIN_MS * MW_NS_PER_MS},
        .activated = true,
    };
}

int mwd_app_check(const struct mwd_config *config, struct mwd_buffer *error)
{
    struct mwd_http_settings settings;

    mwd_app_http_settings(config, NULL, &settings);
    int r = mwd_http_settings_check(&settings, error);
    if (r == 0)
        r = mwd_app_heap_check(config, error);
    if (r < 0) {
        mwd_config_locate(config, error);
        mwd_buffer_puts(error, "\n");
    }
    return r;
}

/* HTTP comes first: a descriptor that speeds up sampling is never worth a deaf server. */
uint32_t mwd_app_keep_fds(const struct mwd_config *config, struct mwd_log *log)
{
    struct rlimit limit = {0, 0};

    getrlimit(RLIMIT_NOFILE, &limit);
    uint64_t needed = MWD_CONFIG_OTHER_FDS + config->max_connections + config->services.count;
    uint64_t enough = needed + config->keep_fds;
    uint64_t room = limit.rlim_cur > needed ? limit.rlim_cur - needed : 0;

    if (config->keep_fds <= room)
        return (uint32_t)config->keep_fds;
    mwd_log(log, MWD_LOG_WARNING,
            "keep-fds: %llu is more than the limit of open files (%llu) leaves room for: %llu are "
            "kept; raise RLIMIT_NOFILE to %llu",
            (unsigned long long)config->keep_fds, (unsigned long long)limit.rlim_cur,
            (unsigned long long)room, (unsigned long long)enough);
    return (uint32_t)room;
}

static enum mwd_log_level level_of(const char *word)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};

    for (int i = 0; i < 4; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum mwd_log_level)i;
    return MWD_LOG_INFO;
}

void mwd_app_apply_log_level(struct mwd_app *self)
{
    mwd_log_set_level(self->log, level_of(self->config->log_level));
}

static void warn_of_restart_keys(const struct mwd_app *self, const struct mwd_config *new_config)
{
    for (uint32_t i = 0; i < mwd_config_key_count; i++) {
        struct mwd_buffer before, after;

        if (!mwd_config_keys[i].restart)
            continue;
        mwd_buffer_init(&before, 1 << 16);
        mwd_buffer_init(&after, 1 << 16);
        mwd_config_value(self->config, i, &before);
        mwd_config_value(new_config, i, &after);
        if (before.size != after.size || memcmp(before.bytes, after.bytes, before.size) != 0)
            mwd_log(self->log, MWD_LOG_WARNING,
                    "%s: its new value waits for a restart; until then it stays as it was",
                    mwd_config_keys[i].name);
        mwd_buffer_deinit(&before);
        mwd_buffer_deinit(&after);
    }
}

static void set_services(struct mwd_app *self)
{
    const struct mwd_list *services = &self->config->services;

    int r = mwd_sampler_set_services(self->sampler, (const char *const *)services->items,
                                     services->count);
    if (r < 0)
        mwd_log(self->log, MWD_LOG_ERROR, "services: %s: those of before are read on",
                strerror(-r));
}

/* Parts take the new values; nothing here can fail any more. */
static void swap(struct mwd_app *self, struct mwd_config *new_config)
{
    warn_of_restart_keys(self, new_config);
    mwd_config_destroy(self->config);
    self->config = new_config;
    mwd_app_apply_log_level(self);
    mwd_app_heap_reloaded(self);
    mwd_app_history_apply(self);
    mwd_push_set_expire(self->push, new_config->push_expire_ns);
    mw_sealer_set_stale_after(self->sealer, mwd_app_stale_after_ns(new_config));
    mwd_app_name_services(self);
    mwd_app_alerts_reloaded(self);
    mwd_app_groups_reloaded(self);
    if (!self->sampler)
        return;
    set_services(self);
    mwd_sampler_set(self->sampler, new_config->interval_ns,
                    mwd_app_keep_fds(new_config, self->log));
}

/* The buffer is handed out as text, in a line of the log or a member of a document. */
static void end_text(struct mwd_buffer *buffer)
{
    while (buffer->size > 0 && buffer->bytes[buffer->size - 1] == '\n')
        buffer->size--;
    char *end = mwd_buffer_reserve(buffer, 1);

    if (end)
        *end = '\0';
}

/* A line of the log for each error. */
static int fail(struct mwd_app *self)
{
    end_text(&self->reload_error);
    const char *line = self->reload_error.bytes ? self->reload_error.bytes : "out of memory";

    while (line) {
        const char *end = strchr(line, '\n');

        mwd_log(self->log, MWD_LOG_ERROR, "reload refused, the old configuration stays: %.*s",
                end ? (int)(end - line) : (int)strlen(line), line);
        line = end ? end + 1 : NULL;
    }
    return -EINVAL;
}

/* All that can fail, with nothing changed if it does. The old limit is one that goes. */
static int take_parts(struct mwd_app *self, const struct mwd_config *new_config)
{
    struct mwd_http_settings settings;

    int r = mwd_app_heap_set_limit(self, new_config, &self->reload_error);
    if (r < 0)
        return r;
    mwd_app_http_settings(new_config, self->log, &settings);
    r = mwd_http_server_reload(self->http, &settings, &self->reload_error);
    if (r == 0) /* last: what was told that its sink is gone cannot be taken back */
        r = mwd_app_alerts_reload(self, new_config, &self->reload_error);
    if (r < 0)
        mwd_app_heap_set_limit(self, self->config, &self->reload_error);
    return r;
}

static int reload(struct mwd_app *self)
{
    struct mwd_config *new_config;

    self->reload_error.size = 0;
    self->reload_error.failed = 0;
    if (mwd_config_load(self->options->config_input, &self->reload_error, &new_config) != 0)
        return fail(self);
    if (mwd_app_history_check(self, new_config, &self->reload_error) < 0 ||
        take_parts(self, new_config) < 0) {
        mwd_config_locate(new_config, &self->reload_error);
        mwd_config_destroy(new_config);
        return fail(self);
    }
    swap(self, new_config);
    mwd_log(self->log, MWD_LOG_INFO, "configuration reloaded");
    return 0;
}

int mwd_app_reload(struct mwd_app *self)
{
    mwd_app_service_reload_begins(self);
    int r = reload(self);
    mwd_app_service_reload_ended(self, r < 0);
    return r;
}
