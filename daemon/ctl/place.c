#include "daemon/ctl/ctl.h"

#include "daemon/config.h"
#include "daemon/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what this machine's daemon is configured to ---- */

static void take_config(const struct mwd_config *config, struct mwd_ctl_place *ret)
{
    snprintf(ret->socket, sizeof ret->socket, "%s", config->socket);
    if (config->listen.count > 0)
        snprintf(ret->url, sizeof ret->url, "http://%s", config->listen.items[0]);
}

static int load(const char *path, struct mwd_config **ret)
{
    struct mwd_config_input input = {.path = path, .path_is_default = true, .environment = environ};
    struct mwd_buffer errors;

    mwd_buffer_init(&errors, 1 << 16);
    int r = mwd_config_load(&input, &errors, ret);
    mwd_buffer_deinit(&errors);
    return r;
}

int mwd_ctl_config_load(struct mwd_config **ret)
{
    if (load(MWD_CONFIG_PATH, ret) == 0 || load("/dev/null", ret) == 0)
        return 0;
    return -ENOMEM;
}

static void find_configured(struct mwd_ctl_place *ret)
{
    struct mwd_config *config;

    if (mwd_ctl_config_load(&config) < 0)
        return;
    take_config(config, ret);
    mwd_config_destroy(config);
}

/* ---- options ---- */

static int take_socket(const char *path, struct mwd_ctl_place *ret)
{
    if (strlen(path) >= sizeof ret->socket) {
        mwd_ctl_complain("--socket: takes a path of at most 107 bytes; got \"%s\"", path);
        return MWD_CTL_USAGE;
    }
    snprintf(ret->socket, sizeof ret->socket, "%s", path);
    ret->only_one = true;
    return MWD_CTL_OK;
}

static int take_url(const char *text, struct mwd_ctl_place *ret)
{
    struct mwd_ctl_url url;
    const char *why = "takes at most 299 bytes";

    if (strlen(text) >= sizeof ret->url || mwd_ctl_url_parse(text, &url, &why) < 0) {
        mwd_ctl_complain("--url: %s; got \"%s\"", why, text);
        return MWD_CTL_USAGE;
    }
    snprintf(ret->url, sizeof ret->url, "%s", text);
    ret->only_one = true;
    return MWD_CTL_OK;
}

/* What goes into a header field must not end it. */
static bool is_token(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

static int read_token(const char *path, struct mwd_ctl_place *ret)
{
    FILE *file = fopen(path, "re");
    char line[sizeof ret->token + 1] = "";

    if (!file) {
        mwd_ctl_complain("--token-file: %s: %s", path, strerror(errno));
        return MWD_CTL_USAGE;
    }
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || strlen(line) >= sizeof ret->token || !is_token(line)) {
        mwd_ctl_complain("--token-file: %s: its first line is to be a token of 1 to 255 letters, "
                         "digits and signs without blanks",
                         path);
        return MWD_CTL_USAGE;
    }
    memcpy(ret->token, line, strlen(line) + 1);
    return MWD_CTL_OK;
}

int mwd_ctl_place_find(const struct mwd_ctl_options *options, struct mwd_ctl_place *ret)
{
    int code = MWD_CTL_OK;

    memset(ret, 0, sizeof *ret);
    if (options->socket)
        code = take_socket(options->socket, ret);
    else if (options->url)
        code = take_url(options->url, ret);
    else
        find_configured(ret);
    if (code == MWD_CTL_OK && options->token_file)
        code = read_token(options->token_file, ret);
    ret->over_url = ret->socket[0] == '\0';
    return code;
}
