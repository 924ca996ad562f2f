/* What one text must look like, and what must hold between keys. */
#include "daemon/config_internal.h"

#include "base/clock.h"
#include "base/units.h"
#include "base/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HISTORY_BASE_MIB = 3 };

/* ---- one text ---- */

struct address {
    int family;
    union {
        struct in_addr v4;
        struct in6_addr v6;
    } ip;
};

static bool is_port(const char *text)
{
    size_t size = strlen(text);

    return size >= 1 && size <= 5 && strspn(text, "0123456789") == size &&
           strtoul(text, NULL, 10) <= UINT16_MAX;
}

/* IPv4, or IPv6 in brackets; `size` bytes of `text`. */
static bool parse_ip(const char *text, size_t size, struct address *ret)
{
    char ip[INET6_ADDRSTRLEN];
    bool v6 = size >= 2 && text[0] == '[' && text[size - 1] == ']';

    if (v6) {
        text++;
        size -= 2;
    }
    if (size >= sizeof ip)
        return false;
    memcpy(ip, text, size);
    ip[size] = '\0';
    ret->family = v6 ? AF_INET6 : AF_INET;
    return inet_pton(ret->family, ip, &ret->ip) == 1;
}

static bool parse_address(const char *text, struct address *ret)
{
    const char *colon = strrchr(text, ':');

    return colon && is_port(colon + 1) && parse_ip(text, (size_t)(colon - text), ret);
}

bool mwd_config_is_address(const char *text)
{
    struct address address;

    return parse_address(text, &address);
}

/* Takes only what mwd_config_is_address() does. */
bool mwd_config_is_loopback(const char *text)
{
    struct address address;

    if (!parse_address(text, &address))
        return false;
    if (address.family == AF_INET)
        return ntohl(address.ip.v4.s_addr) >> 24 == IN_LOOPBACKNET;
    if (IN6_IS_ADDR_V4MAPPED(&address.ip.v6))
        return address.ip.v6.s6_addr[12] == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&address.ip.v6);
}

bool mwd_config_is_host(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    struct address address;

    return text[strspn(text, allowed)] == '\0' || parse_ip(text, strlen(text), &address);
}

bool mwd_config_is_absolute(const char *text)
{
    return *text == '/';
}

bool mwd_config_is_absolute_or_auto(const char *text)
{
    return mwd_config_is_absolute(text) || strcmp(text, "auto") == 0;
}

bool mwd_config_is_group(const char *text)
{
    return !strpbrk(text, " :,");
}

/* It becomes a line of text and a path: no line ends in it, and it leads nowhere else. */
bool mwd_config_is_cgroup(const char *path)
{
    const char *rest = path;

    for (const char *at = path; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return false;
    while (rest) {
        size_t size = strcspn(rest, "/");

        if (size == 2 && memcmp(rest, "..", 2) == 0)
            return false;
        rest = rest[size] ? rest + size + 1 : NULL;
    }
    return mw_utf8_valid(path, strlen(path));
}

uint32_t mwd_config_list_max(uint32_t key)
{
    return key == MWD_AT_services ? MWD_CONFIG_LIST_MAX : MWD_CONFIG_OTHER_LIST_MAX;
}

bool mwd_config_is_power_of_two(const char *size)
{
    uint64_t bytes;

    return mw_units_parse_bytes(size, &bytes) == 0 && bytes > 0 && (bytes & (bytes - 1)) == 0;
}

bool mwd_config_is_level(const char *text)
{
    return strcmp(text, "error") == 0 || strcmp(text, "warning") == 0 ||
           strcmp(text, "info") == 0 || strcmp(text, "debug") == 0;
}

/* ---- between keys ---- */

static struct mwd_buffer *fail(struct mwd_config_loader *self, enum mwd_config_at key)
{
    const struct mwd_config_origin *origin = &self->loaded->origins[key];
    struct mwd_config_place place = {origin->text, 0,
                                     origin->names_key ? NULL : mwd_config_keys[key].name};

    return mwd_config_errors_add(&self->errors, &place);
}

static void check_reachable(struct mwd_config_loader *self)
{
    const struct mwd_config *config = &self->loaded->config;
    struct mwd_buffer *error;

    if (config->listen.count || *config->socket || self->bad[MWD_AT_listen] ||
        self->bad[MWD_AT_socket])
        return;
    error = fail(self, MWD_AT_socket);
    if (error)
        mwd_buffer_puts(error, "is empty, and listen is too: nothing could be asked");
}

static void fail_exposed(struct mwd_config_loader *self, const char *address)
{
    struct mwd_buffer *error = fail(self, MWD_AT_listen);

    if (error)
        mwd_buffer_printf(error,
                          "\"%s\" can be reached from other machines: that takes a token-file, or "
                          "insecure = true",
                          address);
}

static void check_exposure(struct mwd_config_loader *self)
{
    const struct mwd_config *config = &self->loaded->config;

    if (*config->token_file || config->insecure || self->bad[MWD_AT_token_file] ||
        self->bad[MWD_AT_insecure] || self->bad[MWD_AT_listen])
        return;
    for (uint32_t i = 0; i < config->listen.count; i++)
        if (!mwd_config_is_loopback(config->listen.items[i]))
            fail_exposed(self, config->listen.items[i]);
}

/* The same port twice cannot be opened; port 0 is another one each time. */
static bool repeats(const struct mwd_list *list, uint32_t i)
{
    const char *port = strrchr(list->items[i], ':') + 1;

    for (uint32_t j = 0; j < i; j++)
        if (strcmp(list->items[i], list->items[j]) == 0)
            return strspn(port, "0") < strlen(port);
    return false;
}

static void check_repeats(struct mwd_config_loader *self)
{
    const struct mwd_list *listen = &self->loaded->config.listen;

    for (uint32_t i = 0; i < listen->count && !self->bad[MWD_AT_listen]; i++) {
        struct mwd_buffer *error = repeats(listen, i) ? fail(self, MWD_AT_listen) : NULL;

        if (error)
            mwd_buffer_printf(error, "\"%s\" stands in it twice", listen->items[i]);
    }
}

static bool is_same_group(const char *left, const char *right)
{
    return strcmp(left + strspn(left, "/"), right + strspn(right, "/")) == 0;
}

/* Two rows of one group would be one subject. */
static void check_services(struct mwd_config_loader *self)
{
    const struct mwd_list *services = &self->loaded->config.services;

    for (uint32_t i = 1; !self->bad[MWD_AT_services] && i < services->count; i++) {
        uint32_t j = 0;

        while (j < i && !is_same_group(services->items[i], services->items[j]))
            j++;
        struct mwd_buffer *error = j < i ? fail(self, MWD_AT_services) : NULL;

        if (error)
            mwd_buffer_printf(error, "\"%s\" stands in it twice", services->items[i]);
    }
}

static void check_proc_root(struct mwd_config_loader *self)
{
    const char *path = self->loaded->config.proc_root;
    struct mwd_buffer *error;
    struct stat status;
    int r;

    if (self->bad[MWD_AT_proc_root])
        return;
    r = stat(path, &status) < 0 ? errno : S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
    error = r ? fail(self, MWD_AT_proc_root) : NULL;
    if (!error)
        return;
    mwd_buffer_printf(error, "takes %s; \"", mwd_config_keys[MWD_AT_proc_root].takes);
    mwd_config_put_clean(error, path, strlen(path), SIZE_MAX);
    mwd_buffer_printf(error, "\": %s", strerror(r));
}

/* What there must be room for from the start: a time for each sample and each minute. */
static uint64_t least_history(const struct mwd_config *config)
{
    uint64_t times = config->history_recent_ns / config->interval_ns +
                     config->history_minutes_ns / (60 * (uint64_t)MW_NS_PER_S);

    return 8 * times + ((uint64_t)HISTORY_BASE_MIB << 20);
}

static void check_history(struct mwd_config_loader *self)
{
    const struct mwd_config *config = &self->loaded->config;
    struct mwd_buffer *error;
    uint64_t least;

    if (self->bad[MWD_AT_history_recent_ns] || self->bad[MWD_AT_history_minutes_ns] ||
        self->bad[MWD_AT_history_size] || self->bad[MWD_AT_interval_ns])
        return;
    least = least_history(config);
    error = config->history_size >= least ? NULL : fail(self, MWD_AT_history_size);
    if (error)
        mwd_buffer_printf(error,
                          "is too little for history-recent, history-minutes and interval: they "
                          "take %lluMB or more",
                          (unsigned long long)((least + (1 << 20) - 1) >> 20));
}

void mwd_config_check(struct mwd_config_loader *self)
{
    mwd_config_errors_next_source(&self->errors);
    check_reachable(self);
    check_exposure(self);
    check_repeats(self);
    check_services(self);
    check_proc_root(self);
    check_history(self);
}
