/* Services: their names, and the route that lists them. */
#include "daemon/app_internal.h"

#include "daemon/glob.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const order_words[] = {"desc", "asc", NULL};

enum { SORT, ORDER, LIMIT, NAME };
_Static_assert(MW_SERVICES_MAX == 256 && MWD_GLOB_MAX == 128, "texts below say so");

const struct mwd_param mwd_app_service_params[] = {
    [SORT] = {"sort", "the key of a reading of services, as memory or oomKills", NULL, 0, 0,
              MWD_PARAM_TEXT, mwd_view_service_sort_words},
    [ORDER] = {"order", "desc or asc", order_words, 0, 0, MWD_PARAM_WORD, NULL},
    [LIMIT] = {"limit", "a whole number from 0 to 256", NULL, 0, MW_SERVICES_MAX, MWD_PARAM_COUNT,
               NULL},
    [NAME] = {"name", "a glob over paths of at most 128 bytes, as /system.slice/*", NULL, 0,
              MWD_GLOB_MAX, MWD_PARAM_TEXT, NULL},
    {NULL, NULL, NULL, 0, 0, MWD_PARAM_COUNT, NULL},
};

/* On an error services go on without names, and are in no list: it is said. */
void mwd_app_name_services(struct mwd_app *self)
{
    const struct mwd_list *list = &self->config->services;

    mwd_services_deinit(&self->services);
    if (mwd_services_init(&self->services, (const char *const *)list->items, list->count) < 0)
        mwd_log_event(self->log, MWD_LOG_ERROR, &(struct mwd_log_event){"no-memory", "services"},
                      "no memory for the names of services: they are in no list until a reload");
}

static const char *complain_of_sort(struct mwd_app *self, const char *given)
{
    size_t used = (size_t)snprintf(self->detail, sizeof self->detail,
                                   "sort: there is no reading \"%.32s\"; it takes one of", given);

    for (const char *const *word = mwd_view_service_sort_words(); *word; word++)
        if (used < sizeof self->detail)
            used += (size_t)snprintf(self->detail + used, sizeof self->detail - used, " %s", *word);
    return self->detail;
}

int mwd_app_get_services(void *context, const struct mwd_request *request, struct mwd_reply *reply)
{
    struct mwd_app *self = context;
    const struct mwd_view_input input = {.sample = self->sample, .services = &self->services};
    struct mwd_service_query query = {
        .sort = MW_SERVICE_MEMORY,
        .order = MWD_ORDER_DESC,
        .limit = request->params[LIMIT] ? request->counts[LIMIT] : UINT64_MAX,
        .name = request->params[NAME],
    };

    if (request->params[ORDER] && request->params[ORDER][0] == 'a')
        query.order = MWD_ORDER_ASC;
    if (request->params[SORT])
        query.sort = mwd_view_service_sort_reading(request->params[SORT]);
    if (query.sort == MW_NONE) {
        reply->status = 400;
        reply->detail = complain_of_sort(self, request->params[SORT]);
    } else if (!input.sample) {
        reply->status = 503;
        reply->detail = "the first sample is still being taken";
        reply->retry_after_s = 1;
    } else {
        mwd_view_services(&input, &query, reply->body);
    }
    return 0;
}
