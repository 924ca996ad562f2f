/* service: the control groups that the configuration names, one row each.
 *
 *     service.c        the groups: set, found, read
 *     service_file.c   one group's files, v1 and v2, into a row
 */
#ifndef MW_COLLECT_SERVICE_INTERNAL_H
#define MW_COLLECT_SERVICE_INTERNAL_H
#include "collect/cgroup_internal.h"
#include "collect/system_internal.h"
#include "collect/watch_internal.h"

/* Where the directory of a group is, or why that is not known. */
struct mw_service {
    uint64_t id;
    char *path; /* "/system.slice/nginx.service" */
    char *dir;  /* or NULL, with the reason in `error` */
    int error;
    enum mw_cgroup_version version;
    struct mw_watch_group watch;
    bool due; /* something happened to it since it was read */
};

struct mw_service_reader {
    struct mw_service *services; /* [count] */
    uint32_t count;
    uint32_t beats_left; /* until directories are looked up again: mounts may change */
    struct mw_block *last;
    struct mw_text text;
};

int mw_service_reader_create(struct mw_service_reader **ret);
struct mw_service_reader *mw_service_reader_destroy(struct mw_service_reader *self);

/* The directory of the group with this path. *ret_dir is the caller's to free.
 * Errors   -ENOENT it cannot be seen from here, -EOPNOTSUPP no hierarchy that counts memory is
 *          mounted, -ENOMEM, -ENAMETOOLONG. */
int mw_service_find(const struct mw_cgroup_texts *texts, const char *path,
                    enum mw_cgroup_version *ret_version, char **ret_dir);

/* What is in the directory `dirfd` into this row; what is not there stays absent as unsupported.
 * *ret_limit is UINT64_MAX without one.
 * Errors   -ENOENT the group has gone, with nothing put. */
int mw_service_read_files(struct mw_collector *self, int dirfd, enum mw_cgroup_version version,
                          struct mw_block *block, uint32_t row, uint64_t *ret_limit);

/* All readings of a row. */
void mw_service_absent(struct mw_block *block, uint32_t row, enum mw_absence absence);
#endif
