#include "daemon/ctl/ctl.h"

#include "daemon/options.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- check ----
 *
 * The daemon beside this program is asked, by its --check-config: what it would refuse at its start
 * (a token file that is not there, a group that nobody knows) is more than the file's own text. */

enum { PATH_BYTES = 4096, READ_BYTES = 4096, VERDICT_MAX = 1 << 20 };

/* Where "memwatchd" lies when it was installed together with this program. */
static int find_daemon(char ret[PATH_BYTES])
{
    static const char name[] = "memwatchd";
    ssize_t size = readlink("/proc/self/exe", ret, PATH_BYTES - sizeof name);

    if (size < 0)
        return -errno;
    ret[size] = '\0';
    char *slash = strrchr(ret, '/');
    if (!slash)
        return -ENOENT;
    memcpy(slash + 1, name, sizeof name);
    return access(ret, X_OK) == 0 ? 0 : -errno;
}

/* What it has to say goes to its stderr. */
static int spawn(const char *daemon, const char *path, const int pipe_fds[2], pid_t *ret)
{
    char *arguments[] = {(char *)daemon, "--check-config", "--config", (char *)path, NULL};
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);

    *ret = -1;
    if (r != 0)
        return -r;
    r = posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDERR_FILENO);
    if (r == 0)
        r = posix_spawn(ret, daemon, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

static int read_to_end(int fd, struct mwd_buffer *ret)
{
    for (;;) {
        char *room = mwd_buffer_reserve(ret, READ_BYTES);
        ssize_t got = room ? read(fd, room, READ_BYTES) : 0;

        if (!room)
            return ret->failed;
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        mwd_buffer_commit(ret, got > 0 ? (size_t)got : 0);
    }
}

static int exit_code_of(pid_t child)
{
    int status = 0;
    pid_t r;

    do
        r = waitpid(child, &status, 0);
    while (r < 0 && errno == EINTR);
    return r == child && WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* Returns the exit code of the daemon's check, or a negative errno. */
static int ask_daemon(const char *daemon, const char *path, struct mwd_buffer *errors)
{
    int fds[2];
    pid_t child;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    int r = spawn(daemon, path, fds, &child);
    close(fds[1]);
    if (r == 0) {
        int read_error = read_to_end(fds[0], errors);
        close(fds[0]); /* one that says too much is not waited for in vain */
        r = exit_code_of(child);
        return read_error < 0 ? read_error : r;
    }
    close(fds[0]);
    return r;
}

static unsigned count_lines(const struct mwd_buffer *text)
{
    unsigned lines = 0;

    for (size_t i = 0; i < text->size; i++)
        lines += text->bytes[i] == '\n';
    return lines;
}

static void put_json(const char *path, struct mwd_buffer *errors, struct mwd_buffer *out)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "file", path);
    cJSON_AddNumberToObject(object, "errors", count_lines(errors));
    mwd_buffer_append(errors, "", 1);
    cJSON_AddStringToObject(object, "text", errors->failed ? "" : errors->bytes);
    mwd_ctl_put_json(object, out);
}

/* Errors go to stderr, as the daemon's do; as JSON they are the result. */
static int print_verdict(struct mwd_ctl *self, const char *path, int code,
                         struct mwd_buffer *errors)
{
    struct mwd_buffer out;

    mwd_buffer_init(&out, (size_t)2 * VERDICT_MAX);
    if (self->options->json)
        put_json(path, errors, &out);
    else if (code == 0)
        mwd_buffer_printf(&out, "%s: no errors\n", path);
    else
        fwrite(errors->bytes, 1, errors->size, stderr);
    int printed = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code == 0 ? printed : MWD_CTL_USAGE;
}

static int check(struct mwd_ctl *self)
{
    const char *path = self->options->config_path ? self->options->config_path : MWD_CONFIG_PATH;
    char daemon[PATH_BYTES];
    struct mwd_buffer errors;
    int code;

    mwd_buffer_init(&errors, VERDICT_MAX);
    int r = find_daemon(daemon);
    if (r == 0)
        r = ask_daemon(daemon, path, &errors);
    if (r == 0 || r == MWD_CTL_USAGE) {
        code = print_verdict(self, path, r, &errors);
    } else {
        mwd_ctl_complain("config: %s cannot be checked: memwatchd, which judges it, is expected "
                         "beside memwatchctl: %s",
                         path, r < 0 ? strerror(-r) : "it failed");
        code = MWD_CTL_FAILED;
    }
    mwd_buffer_deinit(&errors);
    return code;
}

/* ---- dump ---- */

static void put_key(const cJSON *key, struct mwd_buffer *out)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(key, "value");
    char *text = cJSON_PrintUnformatted(value);

    mwd_buffer_printf(out, "%s = %s  # %s\n", key->string, text ? text : "?",
                      mwd_ctl_text(key, "origin", "origin unknown"));
    cJSON_free(text);
}

/* Blocks by title, as the file has them. */
static void put_blocks(const cJSON *blocks, struct mwd_buffer *out)
{
    const cJSON *block, *key;

    cJSON_ArrayForEach(block, blocks)
    {
        mwd_buffer_printf(out, "%s \"%s\" {\n", blocks->string, block->string);
        cJSON_ArrayForEach(key, block)
        {
            mwd_buffer_puts(out, "    ");
            put_key(key, out);
        }
        mwd_buffer_puts(out, "}\n");
    }
}

static int dump(struct mwd_ctl *self)
{
    struct mwd_buffer out;
    cJSON *document;
    const cJSON *key;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "GET", "/api/v1/config");
    code = mwd_ctl_document(self, "/api/v1/config", &document);
    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, 1 << 20);
    cJSON_ArrayForEach(key, document)
    {
        if (cJSON_GetObjectItemCaseSensitive(key, "origin"))
            put_key(key, &out);
        else
            put_blocks(key, &out);
    }
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    cJSON_Delete(document);
    return code;
}

int mwd_ctl_config(struct mwd_ctl *self)
{
    return strcmp(self->options->operand, "check") == 0 ? check(self) : dump(self);
}
