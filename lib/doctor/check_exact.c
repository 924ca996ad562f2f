/* Whether statm tells the resident pages exactly.
 *
 * Kernels count a process's pages for each processor (6.2 and later) or each thread (before) and
 * add that up when enough has gathered. Newer ones sum it all up when statm is read; distributions
 * bring that to older versions, so the version alone does not tell. Here a few pages are touched on
 * each processor, fewer than make the kernel add them up, and statm is compared with smaps_rollup,
 * which walks the page tables. */
#include "doctor/doctor_internal.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES = 20, PROCESSORS_MAX = 64, BATCH_MIN = 32, COUNTERS = 3, ROUNDS = 3 };

/* ---- the judge ---- */

/* How far off RSS can be: what each processor may hold back of anonymous, file and shared pages.
 * See mm_counter and percpu_counter_batch in the kernel. */
static uint64_t bound_kb(unsigned processors)
{
    uint64_t batch = 2 * processors > BATCH_MIN ? 2 * processors : BATCH_MIN;

    return processors * batch * COUNTERS * ((uint64_t)sysconf(_SC_PAGESIZE) / 1024);
}

void mw_doctor_judge_exactness(const struct mw_doctor_scene *scene, int error, uint64_t off_pages,
                               unsigned processors, struct mw_doctor_row *row)
{
    if (error == -EAGAIN) {
        mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "the memory of this process does not stand still");
    } else if (error) {
        mw_doctor_say(row, MW_DOCTOR_UNKNOWN, "it could not be compared with smaps_rollup: %s",
                      strerror(-error));
    } else if (off_pages == 0) {
        mw_doctor_say(row, MW_DOCTOR_YES, "statm and smaps_rollup agree on pages just touched");
    } else if (mw_doctor_older(scene, 602)) {
        mw_doctor_say(row, MW_DOCTOR_PARTLY,
                      "off by %llu pages here: Linux %s counts up to 64 pages a thread later",
                      (unsigned long long)off_pages, scene->kernel);
        mw_doctor_advise(row, "Linux 6.16 or later; until then PSS is exact, where it is read");
    } else {
        mw_doctor_say(row, MW_DOCTOR_PARTLY,
                      "off by %llu pages here; with %u processors up to %llu KiB a process",
                      (unsigned long long)off_pages, processors,
                      (unsigned long long)bound_kb(processors));
        mw_doctor_advise(row, "Linux 6.16, or 6.12 of July 2025, or later; until then PSS is "
                              "exact, where it is read");
    }
}

/* ---- the test ---- */

static void touch(char *pages, size_t page_size)
{
    for (size_t i = 0; i < PAGES; i++)
        ((volatile char *)pages)[i * page_size] = 1;
}

/* Returns how many processors there were. The thread comes back to where it may run. */
static unsigned touch_everywhere(char *pages, size_t page_size)
{
    cpu_set_t all, one;
    unsigned count = 0;

    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return 0;
    for (size_t processor = 0; processor < CPU_SETSIZE && count < PROCESSORS_MAX; processor++) {
        if (!CPU_ISSET(processor, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0)
            touch(pages + (size_t)count++ * PAGES * page_size, page_size);
    }
    sched_setaffinity(0, sizeof all, &all);
    return count;
}

/* "size resident shared ..." */
static int read_resident(struct mw_doctor_scene *scene, uint64_t *ret)
{
    struct mw_scan text, size;
    int error = mw_doctor_read(scene, "proc/self/statm", &text);

    if (error)
        return error;
    return mw_scan_until(&text, ' ', &size) && mw_scan_u64(&text, ret) ? 0 : -ENODATA;
}

static int read_rollup(struct mw_doctor_scene *scene, size_t page_size, uint64_t *ret)
{
    struct mw_scan text;
    uint64_t kb;
    int error = mw_doctor_read(scene, "proc/self/smaps_rollup", &text);

    if (error)
        return error;
    if (!mw_doctor_find_number(text, "Rss", &kb))
        return -ENODATA;
    *ret = kb * 1024 / page_size;
    return 0;
}

/* Other threads may allocate meanwhile: only when statm says the same before and after is what
 * stands between comparable. */
static int compare(struct mw_doctor_scene *scene, size_t page_size, uint64_t *ret_off)
{
    uint64_t before, walked = 0, after;

    for (int round = 0; round < ROUNDS; round++) {
        int error = read_resident(scene, &before);

        if (error == 0)
            error = read_rollup(scene, page_size, &walked);
        if (error == 0)
            error = read_resident(scene, &after);
        if (error)
            return error;
        *ret_off = walked > after ? walked - after : after - walked;
        if (before == after)
            return 0;
    }
    return -EAGAIN;
}

void mw_doctor_check_rss_exact(struct mw_doctor_scene *scene, struct mw_doctor_row *row)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = page_size * PAGES * PROCESSORS_MAX;
    uint64_t off_pages = 0;

    if (!scene->here) {
        mw_doctor_say_elsewhere(row);
        return;
    }
    char *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        mw_doctor_judge_exactness(scene, -errno, 0, 0, row);
        return;
    }
    madvise(pages, size, MADV_NOHUGEPAGE);
    unsigned processors = touch_everywhere(pages, page_size);
    int error = compare(scene, page_size, &off_pages);
    munmap(pages, size);
    mw_doctor_judge_exactness(scene, error, off_pages, processors, row);
}
