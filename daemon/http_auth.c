/* Tokens and peers. A request's right is the best that its token gives; over a unix socket the
 * kernel's word on who is at the other end counts too. */
#include "daemon/http_internal.h"

#include "base/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_LIMIT = 64 * 1024, LINE_BYTES = 128, GROUPS_FEW = 256 };

/* ---- the file ---- */

static struct mw_scan next_word(struct mw_scan *line)
{
    struct mw_scan word;

    mw_scan_blanks(line);
    word = *line;
    while (!mw_scan_done(line) && *line->at != ' ' && *line->at != '\t')
        line->at++;
    word.end = line->at;
    return word;
}

static bool is_word(const struct mw_scan *word, const char *text)
{
    return mw_scan_left(word) == strlen(text) && memcmp(word->at, text, strlen(text)) == 0;
}

static int find_role(const struct mw_scan *word, enum mwd_role *ret)
{
    if (is_word(word, "read"))
        *ret = MWD_ROLE_READ;
    else if (is_word(word, "push"))
        *ret = MWD_ROLE_PUSH;
    else if (is_word(word, "admin"))
        *ret = MWD_ROLE_ADMIN;
    else
        return -EINVAL;
    return 0;
}

/* What is wrong with a line, or NULL. */
static const char *add_token(struct mwd_http_tokens *self, const struct mw_scan *role,
                             const struct mw_scan *token)
{
    struct mwd_http_token *row = &self->rows[self->count];

    if (self->count == MWD_HTTP_TOKENS_MAX)
        return "too many tokens, 64 are taken";
    if (find_role(role, &row->role) < 0)
        return "a line takes a role, read, push or admin, and a token";
    if (mw_scan_left(token) < MWD_HTTP_TOKEN_MIN)
        return "the token is too short, it takes 16 characters or more";
    if (mw_scan_left(token) > MWD_HTTP_TOKEN_MAX)
        return "the token is too long, it takes 256 characters or fewer";
    row->size = (uint32_t)mw_scan_left(token);
    memset(row->text, 0, sizeof row->text);
    memcpy(row->text, token->at, row->size);
    self->count++;
    return NULL;
}

static const char *parse_line(struct mwd_http_tokens *self, struct mw_scan line)
{
    struct mw_scan role, token;

    if (!mw_scan_done(&line) && line.end[-1] == '\r')
        line.end--;
    role = next_word(&line);
    if (mw_scan_done(&role) || *role.at == '#')
        return NULL;
    token = next_word(&line);
    mw_scan_blanks(&line);
    if (!mw_scan_done(&line))
        return "there is more on the line than a role and a token";
    return add_token(self, &role, &token);
}

/* Half of the buffer is left to whoever puts a place in front of each line. The first one is always
 * told. */
static bool tell_line(struct mwd_buffer *error, const char *path, unsigned number,
                      const char *wrong)
{
    if (error->size > 0 && error->size + strlen(path) + LINE_BYTES > error->limit / 2)
        return false;
    mwd_buffer_printf(error, "%stoken-file: %s:%u: %s", error->size > 0 ? "\n" : "", path, number,
                      wrong);
    return true;
}

int mwd_http_tokens_parse(const char *text, size_t size, const char *path, struct mwd_buffer *error,
                          struct mwd_http_tokens *ret)
{
    struct mw_scan scan = mw_scan_over(text, size);
    struct mw_scan line;
    unsigned bad = 0, untold = 0;

    ret->count = 0;
    for (unsigned number = 1; mw_scan_line(&scan, &line); number++) {
        const char *wrong = parse_line(ret, line);

        if (!wrong)
            continue;
        bad++;
        if (!tell_line(error, path, number, wrong))
            untold++;
    }
    if (untold > 0)
        mwd_buffer_printf(error, "\ntoken-file: %s: and %u more lines are wrong", path, untold);
    if (bad > 0)
        return -EINVAL;
    if (ret->count)
        return 0;
    mwd_buffer_printf(error, "token-file: %s: there is no token in it", path);
    return -EINVAL;
}

static int check_file(int fd, const char *path, struct mwd_buffer *error)
{
    struct stat stat;

    if (fstat(fd, &stat) < 0)
        return -errno;
    if (!S_ISREG(stat.st_mode)) {
        mwd_buffer_printf(error, "token-file: %s is not a file", path);
        return -EINVAL;
    }
    if (stat.st_mode & (S_IROTH | S_IWOTH)) {
        mwd_buffer_printf(error,
                          "token-file: %s may be read or written by everybody (mode %03o); it "
                          "takes mode 600 or 640",
                          path, (unsigned)stat.st_mode & 0777);
        return -EACCES;
    }
    return 0;
}

static int read_file(int fd, const char *path, struct mwd_buffer *error, struct mwd_buffer *ret)
{
    char *at = mwd_buffer_reserve(ret, FILE_LIMIT);
    ssize_t size;

    if (!at)
        return ret->failed;
    while ((size = read(fd, at + ret->size, FILE_LIMIT - ret->size)) > 0)
        mwd_buffer_commit(ret, (size_t)size);
    if (size < 0)
        return -errno;
    if (ret->size < FILE_LIMIT)
        return 0;
    mwd_buffer_printf(error, "token-file: %s is 64 KiB or larger", path);
    return -EFBIG;
}

static int load(int fd, const char *path, struct mwd_buffer *error, struct mwd_http_tokens *ret)
{
    struct mwd_buffer text;
    int r;

    mwd_buffer_init(&text, FILE_LIMIT);
    r = check_file(fd, path, error);
    if (r == 0)
        r = read_file(fd, path, error, &text);
    if (r == 0)
        r = mwd_http_tokens_parse(text.bytes, text.size, path, error, ret);
    if (text.bytes)
        explicit_bzero(text.bytes, text.capacity);
    mwd_buffer_deinit(&text);
    return r;
}

int mwd_http_tokens_load(const char *path, struct mwd_buffer *error, struct mwd_http_tokens **ret)
{
    struct mwd_http_tokens *self = calloc(1, sizeof *self);
    int fd, r;

    if (!self)
        return -ENOMEM;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    r = fd < 0 ? -errno : load(fd, path, error, self);
    if (fd >= 0)
        close(fd);
    if (r < 0) {
        if (!error->size)
            mwd_buffer_printf(error, "token-file: %s: %s", path, strerror(-r));
        mwd_http_tokens_destroy(self);
        return r;
    }
    *ret = self;
    return 0;
}

struct mwd_http_tokens *mwd_http_tokens_destroy(struct mwd_http_tokens *self)
{
    if (self)
        explicit_bzero(self, sizeof *self);
    free(self);
    return NULL;
}

/* ---- a request's token ---- */

/* Takes the same time wherever the two differ, and whatever their lengths. */
static bool is_equal(const struct mwd_http_token *row, const char *padded, size_t size)
{
    unsigned difference = row->size ^ (unsigned)size;

    for (size_t i = 0; i < MWD_HTTP_TOKEN_MAX; i++)
        difference |= (unsigned char)(row->text[i] ^ padded[i]);
    return difference == 0;
}

enum mwd_http_right mwd_http_right_of_role(enum mwd_role role)
{
    static const enum mwd_http_right rights[] = {
        [MWD_ROLE_READ] = MWD_HTTP_READ,
        [MWD_ROLE_PUSH] = MWD_HTTP_PUSH,
        [MWD_ROLE_ADMIN] = MWD_HTTP_ADMIN,
    };

    return rights[role];
}

enum mwd_http_right mwd_http_tokens_right(const struct mwd_http_tokens *self,
                                          const char *authorization)
{
    enum mwd_http_right right = MWD_HTTP_NONE;
    char padded[MWD_HTTP_TOKEN_MAX] = {0};
    size_t size;

    if (!self || !authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return right;
    authorization += 7;
    authorization += strspn(authorization, " ");
    size = strlen(authorization);
    while (size && strchr(" \t", authorization[size - 1]))
        size--;
    if (size > sizeof padded)
        return right;
    memcpy(padded, authorization, size);
    /* All rows, always: the time must not tell which one it was. */
    for (uint32_t i = 0; i < self->count; i++) {
        enum mwd_http_right given = mwd_http_right_of_role(self->rows[i].role);

        if (is_equal(&self->rows[i], padded, size) && given > right)
            right = given;
    }
    return right;
}

/* ---- a peer ---- */

/* In the groups that the process had when it connected. */
static bool is_member(int fd, gid_t group)
{
    gid_t few[GROUPS_FEW];
    gid_t *groups = few;
    socklen_t size = sizeof few;
    bool found = false;

    int r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
    if (r < 0 && errno == ERANGE) { /* then `size` says how much it takes; 64 Ki groups at most */
        groups = malloc(size);
        r = groups ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) : -1;
    }
    for (size_t i = 0; r == 0 && !found && i < size / sizeof *groups; i++)
        found = groups[i] == group;
    if (groups != few)
        free(groups);
    return found;
}

bool mwd_http_peer_is_admin(int fd, const struct ucred *peer, gid_t group)
{
    if (peer->uid == 0 || peer->uid == geteuid())
        return true;
    if (group == (gid_t)-1)
        return false;
    return peer->gid == group || is_member(fd, group);
}
