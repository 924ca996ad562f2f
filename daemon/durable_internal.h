/* What the files of durable share. Not for others. */
#ifndef MWD_DURABLE_INTERNAL_H
#define MWD_DURABLE_INTERNAL_H
#include "daemon/durable.h"

#include <sys/types.h>

/* The file as the pool works on it: one job at a time, so it needs no lock. */
struct mwd_durable_file {
    char *folder, *path, *new_path;
    int fd;      /* -1: not open */
    off_t whole; /* up to here it is good, and on the disk */
    bool known;  /* it was read, so it is ours, though it could not be opened for writing */
};

/* Errors   -ENOMEM. */
int mwd_durable_file_init(struct mwd_durable_file *self, const char *folder, const char *name);
void mwd_durable_file_deinit(struct mwd_durable_file *self);

/* Reads what is there, cuts what is torn, puts aside what is foreign; tells of both. What cannot be
 * done is told, and then there is no file until the next write tries. */
void mwd_durable_file_load(struct mwd_durable_file *self,
                           const struct mwd_durable_options *options);

/* In the pool. Behind the last good byte; after an error the file ends there again. */
int mwd_durable_file_append(struct mwd_durable_file *self, const struct mwd_buffer *bytes);
/* In the pool. In place of all. After an error the old file is as it was. */
int mwd_durable_file_replace(struct mwd_durable_file *self, const struct mwd_buffer *bytes);
#endif
