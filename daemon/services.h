/* services: what the services of the configuration are called. A leaf.
 *
 * A service is a control group, and its name is the group's path as in /proc/PID/cgroup, with '/'
 * in front. Rows of services in blocks have mw_service_id() of it for their key.
 */
#ifndef MWD_SERVICES_H
#define MWD_SERVICES_H
#include "collect/collect.h"

struct mwd_services {
    uint32_t count;
    struct mwd_service {
        uint64_t id;
        char *name;
    } * items;
};

/* All zero is empty. The paths are copied.
 * Errors   -ENOMEM: it is empty then. */
int mwd_services_init(struct mwd_services *self, const char *const *paths, uint32_t count);
/* One more, from a recording; one that is known already stays as it is.
 * Errors   -ENOSPC there are MW_SERVICES_MAX, -EINVAL it does not go with the key, -ENOMEM. */
int mwd_services_know(struct mwd_services *self, struct mw_block_key key, const char *name,
                      size_t size);
void mwd_services_deinit(struct mwd_services *self); /* an empty one too */

/* NULL when no service has that key. `self` may be NULL. */
const char *mwd_services_name(const struct mwd_services *self, struct mw_block_key key);
/* With or without '/' in front. Returns false when there is none of this name. */
bool mwd_services_find(const struct mwd_services *self, const char *name, struct mw_block_key *ret);
#endif
