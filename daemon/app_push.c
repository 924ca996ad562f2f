/* What others report: the routes that take it, the socket, and what a report changes. */
#include "daemon/app_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FULL_RETRY_S = 60, URGENT_GAP_MS = 100, PATH_MAX_BYTES = 108 };
_Static_assert(MWD_PUSH_DETAIL_SIZE <= sizeof(((struct mwd_app *)0)->detail),
               "a complaint finds room");
_Static_assert(MWD_NAME_MAX == 64 && MWD_NAMES_MAX == 1000, "texts below say so");

/* ---- what cannot wait ---- */

/* Whether a value crosses the level of a rule is for the rules to say, so every report has them
 * look; all of a tenth of a second at once, so that who reports often costs no more than ten
 * samples a second. */
static void on_urgent(uv_timer_t *timer)
{
    struct mwd_app *self = timer->data;

    self->push_urgent_ns = mw_clock_monotonic_ns(mw_clock_system());
    if (!self->closing && self->push_changed)
        mwd_app_named_urgent(self, self->push_changed);
    self->push_changed = 0;
}

static void on_change(void *context, enum mw_kind kind)
{
    struct mwd_app *self = context;
    uint64_t passed_ms =
        (mw_clock_monotonic_ns(mw_clock_system()) - self->push_urgent_ns) / MW_NS_PER_MS;

    if (!self->push_changed && self->push_timer.data && !self->closing)
        uv_timer_start(&self->push_timer, on_urgent,
                       passed_ms < URGENT_GAP_MS ? URGENT_GAP_MS - passed_ms : 0, 0);
    self->push_changed |= 1U << kind;
}

/* ---- life ---- */

/* "auto" is beside the socket of HTTP: daemons that do not share that do not meet here either. */
static void find_path(const struct mwd_config *config, char ret[PATH_MAX_BYTES])
{
    const char *slash = strrchr(config->socket, '/');
    int folder = slash ? (int)(slash - config->socket) : 0;

    if (strcmp(config->push_socket, "auto") != 0)
        snprintf(ret, PATH_MAX_BYTES, "%s", config->push_socket);
    else if (!slash || snprintf(ret, PATH_MAX_BYTES, "%.*s/push.sock", folder, config->socket) >=
                           PATH_MAX_BYTES)
        ret[0] = '\0';
}

int mwd_app_push_init(struct mwd_app *self)
{
    const struct mwd_push_options options = {
        .clock = mw_clock_system(),
        .log = self->log,
        .expire_ns = self->config->push_expire_ns,
        .on_change = on_change,
        .context = self,
    };
    int r = mwd_push_create(&options, &self->push);

    if (r == 0)
        r = uv_timer_init(&self->loop, &self->push_timer);
    self->push_timer.data = r < 0 ? NULL : self;
    return r;
}

int mwd_app_push_listen(struct mwd_app *self, struct mwd_buffer *error)
{
    char path[PATH_MAX_BYTES];
    int r;

    find_path(self->config, path);
    r = mwd_push_socket_create(&self->loop, self->push, path, self->config->push_udp, error,
                               &self->push_socket);
    if (r < 0)
        return r;
    if (*path)
        mwd_log(self->log, MWD_LOG_INFO, "taking reports on %s", path);
    if (*mwd_push_socket_udp(self->push_socket))
        mwd_log(self->log, MWD_LOG_INFO, "taking reports on udp %s",
                mwd_push_socket_udp(self->push_socket));
    return 0;
}

void mwd_app_push_close(struct mwd_app *self)
{
    mwd_push_socket_close(self->push_socket);
    self->push_socket = NULL;
    if (self->push_timer.data)
        uv_close((uv_handle_t *)&self->push_timer, NULL);
    self->push_timer.data = NULL;
}

/* ---- names ---- */

static bool process_name(const struct mwd_app *self, const struct mw_block *block, uint32_t row,
                         const char **ret_name, size_t *ret_size)
{
    struct mw_subject subject;

    if (!mw_subjects_at(self->subjects, block, row, &subject) || subject.name.absence != MW_PRESENT)
        return false;
    *ret_name = subject.name.bytes;
    *ret_size = subject.name.size;
    return true;
}

bool mwd_app_subject_name(void *app, const struct mw_block *block, uint32_t row,
                          const char **ret_name, size_t *ret_size)
{
    const struct mwd_app *self = app;
    enum mw_kind kind = mw_source_kind((enum mw_source)mw_block_head(block)->source);
    struct mw_block_key key = mw_block_keys(block)[row];
    const char *name;

    if (kind == MW_KIND_PROCESS)
        return process_name(self, block, row, ret_name, ret_size);
    name = kind == MW_KIND_SERVICE ? mwd_services_name(&self->services, key)
                                   : mwd_name_of(mwd_push_names(self->push), kind, key);
    if (!name)
        return false;
    *ret_name = name;
    *ret_size = strlen(name);
    return true;
}

/* ---- routes ---- */

static void refuse(struct mwd_reply *reply, unsigned status, const char *detail)
{
    reply->status = status;
    reply->detail = detail;
}

static void refuse_owner(struct mwd_app *self, const char *name, const struct mwd_request *request,
                         struct mwd_reply *reply)
{
    if (request->uid == MWD_UID_NONE)
        snprintf(self->detail, sizeof self->detail,
                 "\"%.64s\" was first reported over a socket, and only its user may go on", name);
    else
        snprintf(self->detail, sizeof self->detail,
                 "\"%.64s\" was first reported by somebody else than user %u; take another name, "
                 "or wait until it expires",
                 name, (unsigned)request->uid);
    refuse(reply, 403, self->detail);
}

static void refuse_unknown(struct mwd_app *self, enum mw_kind kind, const char *name,
                           struct mwd_reply *reply)
{
    snprintf(self->detail, sizeof self->detail, "nobody reports a %s \"%.64s\"", mw_kind_word(kind),
             name);
    refuse(reply, 404, self->detail);
}

/* Returns what `render` is to return. */
static int answer(struct mwd_app *self, enum mw_kind kind, const struct mwd_request *request, int r,
                  struct mwd_reply *reply)
{
    reply->status = 204;
    switch (r) {
    case 0:
        break;
    case -EINVAL:
        refuse(reply, 400,
               "a name has 1 to 64 letters, digits and characters out of -_./@, and begins with a "
               "letter or a digit");
        break;
    case -EEXIST:
        refuse(reply, 409, "this name is of the daemon itself; take another one");
        break;
    case -EACCES:
        refuse_owner(self, request->path_value, request, reply);
        break;
    case -ENOENT:
        refuse_unknown(self, kind, request->path_value, reply);
        break;
    case -ENOSPC:
        refuse(reply, 503,
               "there are 1000 names of this kind, and no more are taken; one that is "
               "not reported expires");
        reply->retry_after_s = FULL_RETRY_S;
        break;
    default:
        return r;
    }
    return 0;
}

static struct mwd_name_owner owner_of(const struct mwd_request *request)
{
    uid_t uid = request->uid == MWD_UID_NONE ? MWD_NAME_OF_TOKEN : request->uid;

    return (struct mwd_name_owner){.uid = uid, .admin = request->admin};
}

static int put(struct mwd_app *self, enum mw_kind kind, const struct mwd_request *request,
               struct mwd_reply *reply)
{
    struct mwd_push_report report;
    int r =
        mwd_push_parse(self->push, kind, request->body, request->body_size, &report, self->detail);

    if (r < 0) {
        refuse(reply, 400, self->detail);
        return 0;
    }
    r = mwd_push_put(self->push, kind, request->path_value, owner_of(request), &report);
    return answer(self, kind, request, r, reply);
}

static int remove_name(struct mwd_app *self, enum mw_kind kind, const struct mwd_request *request,
                       struct mwd_reply *reply)
{
    int r = mwd_push_remove(self->push, kind, request->path_value, owner_of(request));

    return answer(self, kind, request, r, reply);
}

int mwd_app_put_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return put(context, MW_KIND_QUEUE, request, reply);
}

int mwd_app_put_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return put(context, MW_KIND_CACHE, request, reply);
}

int mwd_app_put_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return put(context, MW_KIND_HEAP, request, reply);
}

int mwd_app_delete_queue(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return remove_name(context, MW_KIND_QUEUE, request, reply);
}

int mwd_app_delete_cache(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return remove_name(context, MW_KIND_CACHE, request, reply);
}

int mwd_app_delete_heap(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    return remove_name(context, MW_KIND_HEAP, request, reply);
}
