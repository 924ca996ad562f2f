#include "daemon/push_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BATCH = 32,
    TURNS = 8, /* batches in a turn of the loop */
    SOCKET_MODE = 0666,
    CONTROL_BYTES = 64,
    UDP_BUFFER = 1 << 20, /* as far as net.core.rmem_max lets it */
    ADDRESS_BYTES = 64
};
enum { UNIX, UDP, ENDS };
_Static_assert(CONTROL_BYTES >= CMSG_SPACE(sizeof(struct ucred)), "a sender finds room");

struct end {
    struct mwd_push_socket *owner;
    uv_poll_t poll;
    int fd;
    uint32_t overflow; /* what the kernel has dropped so far */
};

struct mwd_push_socket {
    struct mwd_push *push;
    struct end ends[ENDS];
    unsigned open; /* handles */
    char *path;
    dev_t device; /* of the socket file */
    ino_t inode;
    char udp[ADDRESS_BYTES];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    _Alignas(struct cmsghdr) char controls[BATCH][CONTROL_BYTES];
    char bytes[BATCH][MWD_PUSH_DATAGRAM_MAX];
};

/* ---- datagrams ---- */

static void take_lines(struct mwd_push *push, const char *bytes, size_t size,
                       struct mwd_name_owner owner)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t line = end ? (size_t)(end - bytes) : size;

        if (line > 0)
            mwd_push_line(push, bytes, line, owner);
        line += end != NULL;
        bytes += line;
        size -= line;
    }
}

static void note_overflow(struct end *end, const struct cmsghdr *control)
{
    uint32_t total;

    memcpy(&total, CMSG_DATA(control), sizeof total);
    mwd_push_count_datagrams(end->owner->push, 0, total - end->overflow);
    end->overflow = total;
}

/* Returns whether the kernel has said who sent it, or nobody can: UDP. */
static bool look_at_controls(struct end *end, struct msghdr *message, struct mwd_name_owner *ret)
{
    bool known = end == &end->owner->ends[UDP];
    struct ucred sender;

    *ret = (struct mwd_name_owner){.uid = MWD_NAME_OF_UDP};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SO_RXQ_OVFL)
            note_overflow(end, c);
        if (c->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&sender, CMSG_DATA(c), sizeof sender);
        ret->uid = sender.uid;
        known = true;
    }
    return known;
}

static void take_datagram(struct end *end, struct mmsghdr *message)
{
    struct mwd_push *push = end->owner->push;
    struct mwd_name_owner owner;
    bool known = look_at_controls(end, &message->msg_hdr, &owner);

    if (message->msg_hdr.msg_flags & MSG_TRUNC)
        mwd_push_count_refusal(push, MWD_PUSH_SIZE);
    else if (!known)
        mwd_push_count_refusal(push, MWD_PUSH_OWNER);
    else
        take_lines(push, message->msg_hdr.msg_iov->iov_base, message->msg_len, owner);
}

static void set_up_batch(struct mwd_push_socket *self)
{
    for (int i = 0; i < BATCH; i++) {
        self->vectors[i] = (struct iovec){self->bytes[i], MWD_PUSH_DATAGRAM_MAX};
        self->messages[i].msg_hdr = (struct msghdr){.msg_iov = &self->vectors[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = self->controls[i],
                                                    .msg_controllen = CONTROL_BYTES};
    }
}

/* Other parts of the loop have their turn after some batches; what is left comes up again. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct end *end = handle->data;
    struct mwd_push_socket *self = end->owner;

    (void)status;
    (void)events;
    for (int turn = 0; turn < TURNS; turn++) {
        int count;

        set_up_batch(self);
        count = recvmmsg(end->fd, self->messages, BATCH, MSG_DONTWAIT, NULL);
        if (count <= 0)
            return;
        mwd_push_count_datagrams(self->push, (uint64_t)count, 0);
        for (int i = 0; i < count; i++)
            take_datagram(end, &self->messages[i]);
        if (count < BATCH)
            return;
    }
}

/* ---- life ---- */

static void on_closed(uv_handle_t *handle)
{
    struct mwd_push_socket *self = ((struct end *)handle->data)->owner;

    if (--self->open > 0)
        return;
    free(self->path);
    free(self);
}

static void remove_file(const struct mwd_push_socket *self)
{
    struct stat stat;

    if (self->path && self->inode && lstat(self->path, &stat) == 0 && stat.st_dev == self->device &&
        stat.st_ino == self->inode)
        unlink(self->path);
}

void mwd_push_socket_close(struct mwd_push_socket *self)
{
    unsigned open = self ? self->open : 0;

    if (!self)
        return;
    remove_file(self);
    for (int i = 0; i < ENDS; i++) {
        if (self->ends[i].fd < 0)
            continue;
        if (self->ends[i].poll.data)
            uv_close((uv_handle_t *)&self->ends[i].poll, on_closed);
        close(self->ends[i].fd);
        self->ends[i].fd = -1;
    }
    if (open > 0)
        return; /* on_closed() frees it */
    free(self->path);
    free(self);
}

/* Takes the descriptor over, on errors too. */
static int start(struct mwd_push_socket *self, uv_loop_t *loop, struct end *end, int fd)
{
    int r;

    end->fd = fd;
    end->overflow = 0;
    r = uv_poll_init(loop, &end->poll, fd);
    if (r < 0)
        return r;
    end->poll.data = end;
    self->open++;
    return uv_poll_start(&end->poll, UV_READABLE, on_readable);
}

/* ---- the unix socket ---- */

static int complain(struct mwd_buffer *error, const char *key, const char *what, int r)
{
    mwd_buffer_printf(error, "%s: %s: %s", key, what, strerror(-r));
    return r;
}

/* Whether a process still has it; a file that nobody has is left of one that was killed. */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;

    if (fd >= 0)
        close(fd);
    return alive;
}

static int clear_path(const struct sockaddr_un *address, struct mwd_buffer *error)
{
    const char *path = address->sun_path;
    struct stat stat;

    if (lstat(path, &stat) < 0)
        return errno == ENOENT ? 0 : complain(error, "push-socket", path, -errno);
    if (!S_ISSOCK(stat.st_mode)) {
        mwd_buffer_printf(error, "push-socket: %s is there already and is not a socket", path);
        return -EEXIST;
    }
    if (is_alive(address)) {
        mwd_buffer_printf(error,
                          "push-socket: %s is in use by another program; stop that one or choose "
                          "another path",
                          path);
        return -EADDRINUSE;
    }
    return unlink(path) < 0 && errno != ENOENT ? complain(error, "push-socket", path, -errno) : 0;
}

/* Everybody may send: whose a name is the kernel says with each datagram. */
static int bind_unix(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    mode_t before;
    int r;

    if (fd < 0)
        return -errno;
    before = umask(0777 & ~SOCKET_MODE);
    r = setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
                bind(fd, (const struct sockaddr *)address, sizeof *address) < 0
            ? -errno
            : 0;
    umask(before);
    if (r < 0)
        close(fd);
    return r < 0 ? r : fd;
}

static int open_unix(struct mwd_push_socket *self, uv_loop_t *loop, const char *path,
                     struct mwd_buffer *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat stat;
    int fd, r;

    if (strlen(path) >= sizeof address.sun_path)
        return complain(error, "push-socket", path, -ENAMETOOLONG);
    memcpy(address.sun_path, path, strlen(path) + 1);
    r = clear_path(&address, error);
    if (r < 0)
        return r;
    fd = bind_unix(&address);
    if (fd < 0)
        return complain(error, "push-socket", path, fd);
    self->path = strdup(path);
    if (self->path && lstat(path, &stat) == 0) {
        self->device = stat.st_dev;
        self->inode = stat.st_ino;
    }
    r = start(self, loop, &self->ends[UNIX], fd);
    return r < 0 ? complain(error, "push-socket", path, r) : 0;
}

/* ---- UDP ---- */

static int find_address(const char *text, struct addrinfo **ret)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_DGRAM};
    const char *colon = strrchr(text, ':');
    char host[ADDRESS_BYTES];
    size_t size = colon ? (size_t)(colon - text) : 0;

    if (size == 0 || size >= sizeof host)
        return -EINVAL;
    if (text[0] == '[' && colon[-1] == ']') {
        text++;
        size -= 2;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    return getaddrinfo(host, colon + 1, &hints, ret) == 0 ? 0 : -EINVAL;
}

static int bind_udp(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1, room = UDP_BUFFER;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    int r = -errno;
    close(fd);
    return r;
}

static void describe_udp(struct mwd_push_socket *self, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[ADDRESS_BYTES - 10], port[8];

    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0 ||
        getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV | NI_DGRAM) != 0)
        return;
    snprintf(self->udp, sizeof self->udp, address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
             port);
}

static int open_udp(struct mwd_push_socket *self, uv_loop_t *loop, const char *udp,
                    struct mwd_buffer *error)
{
    struct addrinfo *address;
    int r = find_address(udp, &address);

    if (r < 0)
        return complain(error, "push-udp", udp, r);
    r = bind_udp(address);
    freeaddrinfo(address);
    if (r < 0)
        return complain(error, "push-udp", udp, r);
    describe_udp(self, r);
    r = start(self, loop, &self->ends[UDP], r);
    return r < 0 ? complain(error, "push-udp", udp, r) : 0;
}

int mwd_push_socket_create(uv_loop_t *loop, struct mwd_push *push, const char *path,
                           const char *udp, struct mwd_buffer *error, struct mwd_push_socket **ret)
{
    struct mwd_push_socket *self;
    int r = 0;

    *ret = NULL;
    if (!*path && !*udp)
        return 0;
    self = calloc(1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->push = push;
    for (int i = 0; i < ENDS; i++)
        self->ends[i] = (struct end){.owner = self, .fd = -1};
    if (*path)
        r = open_unix(self, loop, path, error);
    if (r == 0 && *udp)
        r = open_udp(self, loop, udp, error);
    if (r < 0)
        mwd_push_socket_close(self);
    else
        *ret = self;
    return r;
}

const char *mwd_push_socket_udp(const struct mwd_push_socket *self)
{
    return self ? self->udp : "";
}
