/* A proc of our own, for files that are read rarely, so that they cost no memory.
 *
 * Why. For each file of a process that was opened once the kernel keeps a name and an inode, 0.9
 * KiB on 6.18, until the process ends or memory is short, and charges it to us. With 10,000
 * processes stat, status and cgroup come to 26 MiB, for files that are read once in their life or
 * once a minute. statm is read in each beat, so there this memory is well spent.
 *
 * How. Each instance of proc has names and inodes of its own (since Linux 5.8), and when it goes
 * they go. So these files are opened through an instance that is mounted nowhere and is replaced by
 * a new one after every FILES_MAX files. Making the inodes anew costs 2 us a file.
 *
 * When. This needs CAP_SYS_ADMIN, and an instance of ours shows our own pid namespace. When there
 * is no such right, or proc_root is of another namespace or no proc at all, everything is opened
 * below proc_root; then a limit on our control group (MemoryHigh= of the unit) makes the kernel
 * drop what it kept, beginning with what has not been used for longest.
 */
#include "collect/process_internal.h"

#include "base/scan.h"

#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { FILES_MAX = 1024, LINK_MAX = 32 };

/* A new instance, -1 when that is not possible. */
static int open_instance(void)
{
    int context = fsopen("proc", FSOPEN_CLOEXEC);
    int fd = -1;

    if (context < 0)
        return -1;
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
        fd = fsmount(context, FSMOUNT_CLOEXEC,
                     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    }
    close(context);
    return fd;
}

static void let_go(struct mw_process_view *self)
{
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
    }
}

/* Whether we have one pid only as proc_root sees it, that is, are in its pid namespace. */
static bool is_own_namespace(struct mw_process_reader *self)
{
    struct mw_scan text, line;
    uint64_t pid;
    size_t size;

    if (mw_collect_read_file(self->collector->root_fd, "self/status", self->buffer,
                             sizeof(self->buffer), &size) < 0)
        return false;
    text = mw_scan_over(self->buffer, size);
    while (mw_scan_until(&text, '\n', &line)) {
        if (mw_scan_literal(&line, "NSpid:")) {
            mw_scan_blanks(&line);
            return mw_scan_u64(&line, &pid) && mw_scan_done(&line);
        }
    }
    return false;
}

static bool has_same_self(int one, int other)
{
    char ours[LINK_MAX], theirs[LINK_MAX];
    ssize_t size = readlinkat(one, "self", ours, sizeof(ours));

    return size > 0 && size == readlinkat(other, "self", theirs, sizeof(theirs)) &&
           memcmp(ours, theirs, (size_t)size) == 0;
}

void mw_process_view_init(struct mw_process_reader *self)
{
    struct mw_process_view *view = &self->view;

    view->fd = -1;
    if (self->plain || !is_own_namespace(self))
        return;
    view->fd = open_instance();
    view->usable = view->fd >= 0 && has_same_self(view->fd, self->collector->root_fd);
    if (!view->usable)
        let_go(view);
}

void mw_process_view_deinit(struct mw_process_reader *self)
{
    let_go(&self->view);
}

int mw_process_view_directory(struct mw_process_reader *self)
{
    struct mw_process_view *view = &self->view;

    if (view->usable && ++view->opened > FILES_MAX) {
        let_go(view);
        view->fd = open_instance(); /* if it fails, without one for as many files */
        view->opened = 0;
    }
    return view->fd >= 0 ? view->fd : self->collector->root_fd;
}
