/* What a reload swaps: limits, tokens, names; and whether the listeners fit to them. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_BYTES = 16384 };

struct mwd_http_policy *mwd_http_policy_destroy(struct mwd_http_policy *self)
{
    if (!self)
        return NULL;
    mwd_http_tokens_destroy(self->tokens);
    mwd_http_hosts_deinit(&self->hosts);
    free(self);
    return NULL;
}

static int find_group(const char *name, struct mwd_buffer *error, gid_t *ret)
{
    char bytes[GROUP_BYTES];
    struct group group;
    struct group *found = NULL;

    *ret = (gid_t)-1;
    if (*name == '\0')
        return 0;
    if (getgrnam_r(name, &group, bytes, sizeof bytes, &found) != 0 || !found) {
        mwd_buffer_printf(error, "socket-group: there is no group \"%s\"", name);
        return -EINVAL;
    }
    *ret = found->gr_gid;
    return 0;
}

static int add_hosts(struct mwd_http_hosts *hosts, const struct mwd_http_settings *settings,
                     struct mwd_buffer *error)
{
    int r = mwd_http_hosts_add(hosts, "localhost");

    for (uint32_t i = 0; r == 0 && i < settings->host_count; i++) {
        r = mwd_http_hosts_add(hosts, settings->hosts[i]);
        if (r == -EINVAL)
            mwd_buffer_printf(error, "hosts: \"%s\" is not the name of a host", settings->hosts[i]);
    }
    return r;
}

static int create_policy(const struct mwd_http_settings *settings, struct mwd_buffer *error,
                         struct mwd_http_policy **ret)
{
    struct mwd_http_policy *self = calloc(1, sizeof *self);
    int r;

    if (!self)
        return -ENOMEM;
    self->limits = settings->limits;
    self->insecure = settings->insecure;
    r = find_group(settings->socket_group, error, &self->admin_group);
    if (r == 0 && *settings->token_file)
        r = mwd_http_tokens_load(settings->token_file, error, &self->tokens);
    if (r == 0)
        r = add_hosts(&self->hosts, settings, error);
    if (r < 0)
        mwd_http_policy_destroy(self);
    else
        *ret = self;
    return r;
}

int mwd_http_settings_check(const struct mwd_http_settings *settings, struct mwd_buffer *error)
{
    struct mwd_http_policy *policy;
    int r = create_policy(settings, error, &policy);

    if (r == 0)
        mwd_http_policy_destroy(policy);
    else if (!error->size)
        mwd_buffer_puts(error, strerror(-r));
    return r;
}

/* Checks the listeners that will be there against the policy, and adds their names to it. */
static int fit_policy(struct mwd_http_policy *policy, const struct mwd_http_listener *list,
                      bool all, struct mwd_buffer *error)
{
    int r = 0;

    for (const struct mwd_http_listener *l = list; r == 0 && l; l = l->next) {
        if (l->is_unix || (!all && !l->kept))
            continue;
        if (!l->loopback && !policy->tokens && !policy->insecure) {
            mwd_buffer_printf(error,
                              "listen: %s is reachable from other machines; that takes a "
                              "token-file, or insecure = true to let everybody read",
                              l->address);
            return -EACCES;
        }
        if (!l->wildcard)
            r = mwd_http_hosts_add(&policy->hosts, l->host);
    }
    return r;
}

int mwd_http_prepare(struct mwd_http_server *self, const struct mwd_http_settings *settings,
                     struct mwd_buffer *error, struct mwd_http_policy **ret_policy,
                     struct mwd_http_listener **ret_fresh)
{
    struct mwd_http_policy *policy = NULL;
    struct mwd_http_listener *fresh = NULL;
    int r = create_policy(settings, error, &policy);

    if (r == 0)
        r = mwd_http_listeners_open(self, settings, error, &fresh);
    if (r == 0)
        r = fit_policy(policy, self->listeners, false, error);
    if (r == 0)
        r = fit_policy(policy, fresh, true, error);
    if (r < 0)
        goto fail;
    *ret_policy = policy;
    *ret_fresh = fresh;
    return 0;

fail:
    mwd_http_listeners_discard(fresh);
    mwd_http_policy_destroy(policy);
    if (!error->size)
        mwd_buffer_puts(error, strerror(-r));
    return r;
}
