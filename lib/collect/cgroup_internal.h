/* cgroup: the smallest memory limit above this program, and what is charged to the group that
 * sets it.
 *
 * A limit binds from every group between the program's own and the root of the mount, so the
 * smallest counts. Both kinds of hierarchy are looked at; on a hybrid system the memory controller
 * is in one of them and the other simply has no limit files.
 *
 *     cgroup_place.c   where the own group is in the file system: pure, from text to a path
 *     cgroup_limit.c   the limit files of that chain, held open, read each beat
 */
#ifndef MW_COLLECT_CGROUP_INTERNAL_H
#define MW_COLLECT_CGROUP_INTERNAL_H
#include "base/scan.h"
#include "collect/collect_internal.h"

enum {
    MW_CGROUP_PATH_MAX = 4096,
    MW_CGROUP_ANCESTORS_MAX = 32, /* groups above the own one that are looked at */
    MW_CGROUP_FILES_MAX = 3 * (1 + MW_CGROUP_ANCESTORS_MAX),
    MW_CGROUP_FIND_BEATS = 60 /* the program may be moved: its place is looked up this often */
};

enum mw_cgroup_version { MW_CGROUP_V1, MW_CGROUP_V2, MW_CGROUP_VERSIONS };

/* A group's directory: the first `size` bytes of `dir`. Going up shortens it and leaves the bytes,
 * so that the path of every group below can still be made. */
struct mw_cgroup_place {
    size_t mount_size; /* bytes that are the mount point: the topmost group */
    size_t size;
    char dir[MW_CGROUP_PATH_MAX]; /* no NUL */
};

/* Where to look: /proc/self/cgroup, /proc/self/mountinfo, and what stands before the mount points.
 */
struct mw_cgroup_texts {
    struct mw_scan cgroup, mountinfo;
    struct mw_scan prefix; /* empty, or a path without '/' at its end */
};

/* The place of the own group in the hierarchy that can limit memory: the unified one, or that of
 * the v1 memory controller. A group that lies outside of what is mounted here is taken for the
 * topmost one that can be seen.
 * Errors   -ENODATA there is no such hierarchy or it is not mounted, -ENAMETOOLONG. */
int mw_cgroup_place_find(const struct mw_cgroup_texts *texts, enum mw_cgroup_version version,
                         struct mw_cgroup_place *ret);

/* To the group above. False at the mount point. */
bool mw_cgroup_place_up(struct mw_cgroup_place *self);

/* Reads them. The texts lie in the two buffers, which the caller frees. What goes wrong is noted as
 * a fault, but for -ENOENT: a kernel without control groups. */
struct mw_text;
int mw_cgroup_texts_read(struct mw_collector *collector, struct mw_text *buffers,
                         struct mw_cgroup_texts *ret);

/* The text of a file of one number. Errors -EINVAL, -ERANGE over 64 bits. */
int mw_cgroup_number_parse(struct mw_scan text, uint64_t *ret);

/* The text of a limit file; *ret is UINT64_MAX when it sets none: "max", or in v1 the largest
 * number of pages that the kernel can count. Errors -EINVAL, -ERANGE over 64 bits. */
int mw_cgroup_limit_parse(struct mw_scan text, uint64_t *ret);

/* One file that can set a limit, held open. */
struct mw_cgroup_file {
    int fd;
    uint8_t version;   /* enum mw_cgroup_version */
    const char *name;  /* a constant */
    uint16_t dir_size; /* of its group: that much of the place's `dir` */
};

struct mw_cgroup_limit {
    struct mw_collector *collector;
    struct mw_cgroup_place places[MW_CGROUP_VERSIONS];
    struct mw_cgroup_file
        files[MW_CGROUP_FILES_MAX]; /* each hierarchy from the own group upwards */
    uint32_t file_count;
    uint32_t beats_left; /* until the place is looked up again */
    int error;           /* why the chain is not known whole; 0 when it is */
    int usage_fd;
    uint32_t usage_of; /* index of the file whose group `usage_fd` belongs to */
    uint64_t limit;    /* as last read; UINT64_MAX: none, or not known */
    uint32_t limit_of; /* the file that sets it */
};

void mw_cgroup_limit_init(struct mw_cgroup_limit *self, struct mw_collector *collector);
void mw_cgroup_limit_close(struct mw_cgroup_limit *self);

/* The directory of the group that sets the limit; the caller closes it. Errors: those of open(). */
int mw_cgroup_limit_open_dir(const struct mw_cgroup_limit *self);

/* Fills in SYSTEM_CONSTRAINED and SYSTEM_CONSTRAINED_USED. */
void mw_cgroup_limit_read(struct mw_cgroup_limit *self, struct mw_block *block);
#endif
