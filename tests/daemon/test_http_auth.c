/* A token file is taken whole or refused with its line; a token gives its own right and no other;
 * a peer administrates only as root, as the daemon's user or as a member of the group. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define READER "reader-token-0123456789"
#define PUSHER "pusher-token-0123456789"
#define ADMIN "admin-token-0123456789"

struct bench {
    struct mwd_http_tokens tokens;
    struct mwd_buffer error;
    char path[64];
};

static int set_up(void **state)
{
    struct bench *self = calloc(1, sizeof *self);
    int fd;

    assert_non_null(self);
    mwd_buffer_init(&self->error, 1024);
    strcpy(self->path, "/tmp/mw-tokens-XXXXXX");
    fd = mkstemp(self->path);
    assert_true(fd >= 0);
    close(fd);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *self = *state;

    unlink(self->path);
    mwd_buffer_deinit(&self->error);
    free(self);
    return 0;
}

static int parse(struct bench *self, const char *text)
{
    self->error.size = 0;
    return mwd_http_tokens_parse(text, strlen(text), "tokens", &self->error, &self->tokens);
}

static bool says(const struct bench *self, const char *text)
{
    return memmem(self->error.bytes, self->error.size, text, strlen(text)) != NULL;
}

static void roles_and_comments_are_read(void **state)
{
    struct bench *self = *state;

    assert_int_equal(
        parse(self, "# who\n\n  read\t" READER "  \r\n#\nadmin " ADMIN "\npush " PUSHER), 0);
    assert_int_equal(self->tokens.count, 3);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, "Bearer " PUSHER), MWD_HTTP_PUSH);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, "Bearer " READER), MWD_HTTP_READ);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, "bearer  " ADMIN " "), MWD_HTTP_ADMIN);
}

static void wrong_lines_are_named(void **state)
{
    struct bench *self = *state;

    assert_int_equal(parse(self, "read " READER "\nwrite " READER "\n"), -EINVAL);
    assert_true(says(self, "tokens:2:") && says(self, "read, push or admin"));
    assert_int_equal(parse(self, "read\n"), -EINVAL);
    assert_true(says(self, "tokens:1:"));
    assert_int_equal(parse(self, "\n\nread " READER " more\n"), -EINVAL);
    assert_true(says(self, "tokens:3:"));
    assert_int_equal(parse(self, "# nobody\n"), -EINVAL);
    assert_true(says(self, "no token"));
    assert_int_equal(parse(self, "READ " READER "\n"), -EINVAL);
}

/* Whoever mends the file sees all that is wrong with it at once. */
static void every_wrong_line_is_named(void **state)
{
    struct bench *self = *state;
    char text[4096] = "";

    assert_int_equal(parse(self, "write " READER "\nread " READER "\nread short\n"), -EINVAL);
    assert_true(says(self, "token-file: tokens:1: a line takes a role"));
    assert_true(says(self, "\ntoken-file: tokens:3: the token is too short"));
    assert_false(says(self, "tokens:2:"));
    for (int i = 0; i < 500; i++)
        strcat(text, "read x\n");
    assert_int_equal(parse(self, text), -EINVAL);
    assert_false(self->error.failed);
    assert_true(says(self, "\ntoken-file: tokens:2: "));
    assert_true(says(self, "more lines are wrong"));
}

static int parse_length(struct bench *self, int length)
{
    char line[512];

    snprintf(line, sizeof line, "read %.*s\n", length,
             "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
             "5678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
             "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
             "567890123456789");
    return parse(self, line);
}

static void lengths_hold_their_bounds(void **state)
{
    struct bench *self = *state;

    assert_int_equal(parse_length(self, MWD_HTTP_TOKEN_MIN - 1), -EINVAL);
    assert_true(says(self, "16 characters"));
    assert_int_equal(parse_length(self, MWD_HTTP_TOKEN_MIN), 0);
    assert_int_equal(parse_length(self, MWD_HTTP_TOKEN_MAX), 0);
    assert_int_equal(parse_length(self, MWD_HTTP_TOKEN_MAX + 1), -EINVAL);
}

static void the_count_holds_its_bound(void **state)
{
    struct bench *self = *state;
    char text[8192] = "";

    for (int i = 0; i < MWD_HTTP_TOKENS_MAX; i++)
        sprintf(text + strlen(text), "read token-number-%08d\n", i);
    assert_int_equal(parse(self, text), 0);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, "Bearer token-number-00000063"),
                     MWD_HTTP_READ);
    strcat(text, "read one-token-too-many\n");
    assert_int_equal(parse(self, text), -EINVAL);
    assert_true(says(self, "tokens:65:"));
}

static void other_tokens_give_nothing(void **state)
{
    static const char *const given[] = {
        "",
        "Bearer",
        "Bearer ",
        READER,
        "Basic " READER,
        "Bearer " READER "x",
        "Bearer reader-token-012345678",
        "Bearer READER-token-0123456789",
        "BearerX" READER,
    };
    struct bench *self = *state;
    char longest[600] = "Bearer ";

    assert_int_equal(parse(self, "read " READER "\n"), 0);
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        assert_int_equal(mwd_http_tokens_right(&self->tokens, given[i]), MWD_HTTP_NONE);
    memset(longest + 7, 'a', 500);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, longest), MWD_HTTP_NONE);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, NULL), MWD_HTTP_NONE);
    assert_int_equal(mwd_http_tokens_right(NULL, "Bearer " READER), MWD_HTTP_NONE);
}

/* The same token twice: the better right holds. */
static void the_best_right_counts(void **state)
{
    struct bench *self = *state;

    assert_int_equal(parse(self, "admin " READER "\nread " READER "\n"), 0);
    assert_int_equal(mwd_http_tokens_right(&self->tokens, "Bearer " READER), MWD_HTTP_ADMIN);
}

static int load(struct bench *self, mode_t mode, const char *text)
{
    struct mwd_http_tokens *tokens = NULL;
    int fd = open(self->path, O_WRONLY | O_TRUNC);
    int r;

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    self->error.size = 0;
    r = mwd_http_tokens_load(self->path, &self->error, &tokens);
    assert_true((r == 0) == (tokens != NULL));
    mwd_http_tokens_destroy(tokens);
    return r;
}

static void files_that_others_may_read_are_refused(void **state)
{
    struct bench *self = *state;

    assert_int_equal(load(self, 0600, "read " READER "\n"), 0);
    assert_int_equal(load(self, 0640, "read " READER "\n"), 0);
    assert_int_equal(load(self, 0604, "read " READER "\n"), -EACCES);
    assert_true(says(self, self->path) && says(self, "604"));
    assert_int_equal(load(self, 0602, "read " READER "\n"), -EACCES);
    assert_int_equal(load(self, 0600, "rule " READER "\n"), -EINVAL);
    assert_true(says(self, self->path) && says(self, ":1:"));
}

static void files_that_are_none_are_refused(void **state)
{
    struct bench *self = *state;
    struct mwd_http_tokens *tokens;

    assert_int_equal(mwd_http_tokens_load("/nonexistent/x", &self->error, &tokens), -ENOENT);
    assert_true(says(self, "/nonexistent/x"));
    self->error.size = 0;
    assert_int_equal(mwd_http_tokens_load("/dev/null", &self->error, &tokens), -EINVAL);
    assert_true(says(self, "not a file"));
}

/* One end of a connection whose other end was made by a process with these groups. */
static int connect_with(const gid_t *groups, size_t count)
{
    gid_t before[64];
    int had = getgroups(64, before), fds[2];

    assert_true(had >= 0);
    assert_int_equal(setgroups(count, groups), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(setgroups((size_t)had, before), 0);
    close(fds[0]);
    return fds[1];
}

static void peers_administrate_by_uid_and_group(void **state)
{
    const struct ucred root = {.uid = 0, .gid = 12345};
    const struct ucred self = {.uid = geteuid(), .gid = 12345};
    const struct ucred stranger = {.uid = 54321, .gid = 12345};
    const gid_t groups[] = {700, 701};
    int fd = connect_with(groups, 2);

    (void)state;
    assert_true(mwd_http_peer_is_admin(fd, &root, (gid_t)-1));
    assert_true(mwd_http_peer_is_admin(fd, &self, (gid_t)-1));
    assert_false(mwd_http_peer_is_admin(fd, &stranger, (gid_t)-1));
    assert_false(mwd_http_peer_is_admin(fd, &stranger, 12346));
    assert_true(mwd_http_peer_is_admin(fd, &stranger, 12345));
    assert_true(mwd_http_peer_is_admin(fd, &stranger, 701));
    assert_false(mwd_http_peer_is_admin(fd, &stranger, 702));
    assert_false(mwd_http_peer_is_admin(-1, &stranger, 701));
    close(fd);
}

/* However many there are. */
static void all_groups_are_looked_at(void **state)
{
    const struct ucred stranger = {.uid = 54321, .gid = 12345};
    gid_t groups[1000];

    (void)state;
    for (gid_t i = 0; i < 1000; i++)
        groups[i] = 20000 + i;
    int fd = connect_with(groups, 1000);
    assert_true(mwd_http_peer_is_admin(fd, &stranger, 20000));
    assert_true(mwd_http_peer_is_admin(fd, &stranger, 20999));
    assert_false(mwd_http_peer_is_admin(fd, &stranger, 21000));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(roles_and_comments_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_lines_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_wrong_line_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lengths_hold_their_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_count_holds_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_tokens_give_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_best_right_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_others_may_read_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_that_are_none_are_refused, set_up, tear_down),
        cmocka_unit_test(peers_administrate_by_uid_and_group),
        cmocka_unit_test(all_groups_are_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
