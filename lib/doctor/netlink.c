/* Questions to the kernel over netlink, asked until there is a first answer.
 *
 * What comes back is bytes of the kernel; lengths are checked all the same. Events that others
 * cause may stand before the answer: those are skipped, up to MESSAGES_MAX of them. */
#include "doctor/doctor_internal.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/genetlink.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/taskstats.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    SEQUENCE = 1,
    MESSAGES_MAX = 64,
    ANSWER_MAX = 16384,
    WAIT_US = 500 * 1000,
    TCP_LISTENS = 10
};

struct answer {
    _Alignas(struct nlmsghdr) char bytes[ANSWER_MAX];
    size_t size;
};

/* ---- the socket ---- */

static int open_socket(int protocol, uint32_t groups)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    struct timeval wait = {.tv_usec = WAIT_US};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
        bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static int send_message(int fd, const void *message, size_t size)
{
    ssize_t sent;

    do {
        sent = send(fd, message, size, 0);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/* -ETIME: nothing came. */
static int receive(int fd, struct answer *ret)
{
    ssize_t got;

    do {
        got = recv(fd, ret->bytes, sizeof ret->bytes, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? -ETIME : -errno;
    ret->size = (size_t)got;
    return 0;
}

/* The first message of what came; NULL when it is not whole. */
static const struct nlmsghdr *head_of(const struct answer *answer)
{
    const struct nlmsghdr *head = (const struct nlmsghdr *)answer->bytes;

    if (answer->size < sizeof *head || head->nlmsg_len < sizeof *head ||
        head->nlmsg_len > answer->size)
        return NULL;
    return head;
}

static const void *payload_of(const struct nlmsghdr *head, size_t least)
{
    return head->nlmsg_len < sizeof(struct nlmsghdr) + least
               ? NULL
               : (const char *)head + sizeof(struct nlmsghdr);
}

/* What an error message says, which is 0 in an acknowledgement. */
static int error_of(const struct nlmsghdr *head)
{
    const struct nlmsgerr *error = payload_of(head, sizeof(int));

    return error ? error->error : -EBADMSG;
}

/* ---- sock_diag: who listens on TCP ---- */

int mw_doctor_try_sock_diag(void)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 request;
    } message = {
        .head = {.nlmsg_len = sizeof message,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = AF_INET,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1u << TCP_LISTENS},
    };
    struct answer answer;
    int fd = open_socket(NETLINK_SOCK_DIAG, 0);

    if (fd < 0)
        return fd;
    int error = send_message(fd, &message, sizeof message);
    if (error == 0)
        error = receive(fd, &answer);
    close(fd);
    if (error)
        return error;
    const struct nlmsghdr *head = head_of(&answer);
    if (!head)
        return -EBADMSG;
    return head->nlmsg_type == NLMSG_ERROR ? error_of(head) : 0;
}

/* ---- generic netlink: one attribute with a text, acknowledged ---- */

struct question {
    struct nlmsghdr head;
    struct genlmsghdr generic;
    struct nlattr attribute;
    char text[16];
};

/* Attributes begin at multiples of 4, as all the heads here do. */
static size_t aligned(size_t size)
{
    return (size + NLA_ALIGNTO - 1) / NLA_ALIGNTO * NLA_ALIGNTO;
}

/* Into `self`, whose number goes up: what still comes for the question before is told by it. */
static void make_question(struct question *self, uint16_t family, uint8_t command,
                          uint16_t attribute, const char *text)
{
    uint32_t sequence = self->head.nlmsg_seq + 1;
    size_t size = strlen(text) + 1;

    memset(self, 0, sizeof *self);
    self->head = (struct nlmsghdr){.nlmsg_len = sizeof *self,
                                   .nlmsg_type = family,
                                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
                                   .nlmsg_seq = sequence};
    self->generic = (struct genlmsghdr){.cmd = command, .version = 1};
    self->attribute.nla_len = (uint16_t)(sizeof(struct nlattr) + size);
    self->attribute.nla_type = attribute;
    memcpy(self->text, text, size);
    self->head.nlmsg_len = (uint32_t)(sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr) +
                                      sizeof(struct nlattr) + aligned(size));
}

/* The first answer that is for us. */
static int ask(int fd, const struct question *question, struct answer *ret)
{
    int error = send_message(fd, question, question->head.nlmsg_len);

    for (int i = 0; error == 0 && i < MESSAGES_MAX; i++) {
        error = receive(fd, ret);
        const struct nlmsghdr *head = error ? NULL : head_of(ret);

        if (head && head->nlmsg_seq == question->head.nlmsg_seq)
            return head->nlmsg_type == NLMSG_ERROR ? error_of(head) : 0;
    }
    return error ? error : -ETIME;
}

/* The number behind CTRL_ATTR_FAMILY_ID; 0 when it is not there. */
static uint16_t family_of(const struct answer *answer)
{
    const struct nlmsghdr *head = (const struct nlmsghdr *)answer->bytes;
    size_t at = sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr);

    while (at + sizeof(struct nlattr) <= head->nlmsg_len) {
        struct nlattr attribute;
        uint16_t id;

        memcpy(&attribute, answer->bytes + at, sizeof attribute);
        if (attribute.nla_len < sizeof(struct nlattr) || at + attribute.nla_len > head->nlmsg_len)
            return 0;
        if (attribute.nla_type == CTRL_ATTR_FAMILY_ID &&
            attribute.nla_len >= sizeof(struct nlattr) + sizeof id) {
            memcpy(&id, answer->bytes + at + sizeof(struct nlattr), sizeof id);
            return id;
        }
        at += aligned(attribute.nla_len);
    }
    return 0;
}

/* ---- taskstats: listen to the first processor, and stop at once ---- */

static int try_listening(int fd)
{
    struct question question = {.head = {.nlmsg_seq = 0}};
    struct answer answer;

    make_question(&question, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
                  TASKSTATS_GENL_NAME);
    int error = ask(fd, &question, &answer);
    if (error)
        return error;
    uint16_t family = family_of(&answer);
    if (family == 0)
        return -EBADMSG;
    make_question(&question, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, "0");
    error = ask(fd, &question, &answer);
    make_question(&question, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK, "0");
    if (error == 0)
        send_message(fd, &question, question.head.nlmsg_len);
    return error;
}

int mw_doctor_try_taskstats(void)
{
    int fd = open_socket(NETLINK_GENERIC, 0);

    if (fd < 0)
        return fd;
    int error = try_listening(fd);
    close(fd);
    return error;
}

/* ---- proc connector ---- */

static int send_wish(int fd, enum proc_cn_mcast_op wish)
{
    struct {
        struct nlmsghdr head;
        char payload[sizeof(struct cn_msg) + sizeof wish];
    } message = {.head = {.nlmsg_len = sizeof(struct nlmsghdr) + sizeof message.payload,
                          .nlmsg_type = NLMSG_DONE}};
    struct cn_msg connector = {.id = {CN_IDX_PROC, CN_VAL_PROC}, .len = sizeof wish};

    memcpy(message.payload, &connector, sizeof connector);
    memcpy(message.payload + sizeof connector, &wish, sizeof wish);
    return send_message(fd, &message, message.head.nlmsg_len);
}

/* Only the acknowledgement has PROC_EVENT_NONE. */
static bool is_acknowledged(const struct answer *answer, int *ret)
{
    const struct nlmsghdr *head = head_of(answer);
    const char *payload =
        head ? payload_of(head, sizeof(struct cn_msg) + offsetof(struct proc_event, event_data) +
                                    sizeof(uint32_t))
             : NULL;
    struct proc_event event = {0};

    if (!payload)
        return false;
    memcpy(&event, payload + sizeof(struct cn_msg),
           offsetof(struct proc_event, event_data) + sizeof event.event_data.ack);
    if (event.what != PROC_EVENT_NONE)
        return false;
    *ret = -(int)event.event_data.ack.err;
    return true;
}

static int wait_for_acknowledgement(int fd)
{
    struct answer answer;

    for (int i = 0; i < MESSAGES_MAX; i++) {
        int error = receive(fd, &answer);

        if (error || is_acknowledged(&answer, &error))
            return error;
    }
    return -ETIME;
}

/* The wish to listen no more goes the same way as the one to listen: where one is refused, so is
 * the other, and the kernel's count of listeners is as before. */
int mw_doctor_try_connector(void)
{
    int fd = open_socket(NETLINK_CONNECTOR, CN_IDX_PROC);

    if (fd < 0)
        return fd;
    int error = send_wish(fd, PROC_CN_MCAST_LISTEN);
    if (error == 0) {
        error = wait_for_acknowledgement(fd);
        send_wish(fd, PROC_CN_MCAST_IGNORE);
    }
    close(fd);
    return error;
}
