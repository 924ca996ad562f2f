/* Bodies of requests: collected whole before anybody looks at them, in memory that is reserved when
 * the head announces them and charged to the same bound as the bodies of answers. */
#include "daemon/http_internal.h"

#include <stdlib.h>
#include <string.h>

struct mwd_http_upload {
    size_t size, room;
    char bytes[]; /* `room` and a NUL */
};

int mwd_http_upload_begin(struct mwd_http_connection *self, size_t size,
                          struct mwd_http_problem *problem)
{
    struct mwd_http_server *server = self->server;

    if (size <= mwd_http_body_room(server))
        self->upload = malloc(sizeof *self->upload + size + 1);
    if (!self->upload)
        return mwd_http_no_room(server, "the memory for bodies (max-body-bytes) is used up",
                                problem);
    self->upload->size = 0;
    self->upload->room = size;
    self->upload->bytes[0] = '\0';
    server->stats.body_bytes += size;
    return 0;
}

void mwd_http_upload_add(struct mwd_http_connection *self, const char *bytes, size_t size)
{
    struct mwd_http_upload *upload = self->upload;
    char *at;

    if (!upload)
        return;
    if (size > upload->room - upload->size)
        size = upload->room - upload->size;
    at = upload->bytes + upload->size;
    memcpy(at, bytes, size);
    mwd_http_recv_restore((unsigned char *)at, size,
                          upload->size > 0 ? (unsigned char)at[-1] : '\n');
    upload->size += size;
    at[size] = '\0';
}

void mwd_http_upload_give(const struct mwd_http_connection *self, struct mwd_request *ret)
{
    ret->body = self->upload ? self->upload->bytes : "";
    ret->body_size = self->upload ? self->upload->size : 0;
}

void mwd_http_upload_end(struct mwd_http_connection *self)
{
    if (!self->upload)
        return;
    self->server->stats.body_bytes -= self->upload->room;
    free(self->upload);
    self->upload = NULL;
}
