/* Against the kernel itself: children that grow, end, execute and wait, on the live /proc, and pids
 * that are used again, in a namespace of their own. */
#include "process_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

/* A child that does one thing each time it gets a byte, and says when it has done it. */
struct child {
    pid_t pid;
    int go, done;
};

typedef void (*deed)(void);

/* By the kernel: a sanitizer's own memory would grow with what is written here. */
static void grow(void)
{
    mmap(NULL, 20 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

static void execute(void)
{
    execl("/bin/sleep", "sleep", "1000", (char *)NULL);
}

static void child_main(int go, int done, const deed *deeds)
{
    char byte = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "collect-child");
    for (; write(done, "x", 1) == 1 && read(go, &byte, 1) == 1; deeds++)
        (*deeds)();
    _exit(0);
}

static struct child child_start(const deed *deeds)
{
    int go[2], done[2];
    struct child self;
    char byte;

    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    assert_int_equal(pipe2(done, O_CLOEXEC), 0);
    self.pid = fork();
    assert_true(self.pid >= 0);
    if (self.pid == 0) {
        close(go[1]);
        close(done[0]);
        child_main(go[0], done[1], deeds);
    }
    close(go[0]);
    close(done[1]);
    self.go = go[1];
    self.done = done[0];
    assert_int_equal(read(self.done, &byte, 1), 1);
    return self;
}

/* Returns when it is done; an exec closes the pipe that it would say so on. */
static void child_go(const struct child *self)
{
    char byte;

    assert_int_equal(write(self->go, "x", 1), 1);
    assert_true(read(self->done, &byte, 1) >= 0);
}

static void child_end(struct child *self)
{
    kill(self->pid, SIGKILL);
    assert_int_equal(waitpid(self->pid, NULL, 0), self->pid);
    close(self->go);
    close(self->done);
}

static void assert_near(uint64_t value, uint64_t expected, uint64_t tolerance)
{
    if (value + tolerance < expected || value > expected + tolerance)
        fail_msg("%llu is not near %llu", (unsigned long long)value, (unsigned long long)expected);
}

/* ---- the live /proc ---- */

static void this_program_is_read_as_it_sees_itself(void **state)
{
    struct world *world = world_over("/proc", 16);
    struct text status = text_of_file("/proc/self/status");
    uint64_t kb;

    (void)state;
    world_beat(world);
    assert_true(number_in(&status, "VmRSS", ':', &kb));
    assert_near(value_of(world, (uint64_t)getpid(), MW_PROCESS_RSS), kb * 1024, 4 * MIB);
    assert_true(number_in(&status, "VmPTE", ':', &kb));
    assert_near(value_of(world, (uint64_t)getpid(), MW_PROCESS_PAGE_TABLES), kb * 1024, MIB);
    assert_reading(world, (uint64_t)getpid(), MW_PROCESS_PPID, (uint64_t)getppid());
    assert_reading(world, (uint64_t)getpid(), MW_PROCESS_UID, geteuid());
    assert_reading(world, (uint64_t)getpid(), MW_PROCESS_STATE, 'R');
    text_free(&status);
    world_free(world);
}

static void growth_is_seen(void **state)
{
    (void)state;
    for (uint32_t keep_fds = 0; keep_fds <= 5000; keep_fds += 5000) {
        const deed deeds[] = {grow};
        struct child child = child_start(deeds);
        struct world *world = world_over("/proc", keep_fds);
        uint64_t pid = (uint64_t)child.pid, before;

        world_beat(world);
        assert_event(world, pid, 1, MW_EVENT_NAME, "collect-child");
        assert_reading(world, pid, MW_PROCESS_GROWTH, 0);
        before = value_of(world, pid, MW_PROCESS_RSS);
        child_go(&child);
        world_beat(world);
        assert_near(value_of(world, pid, MW_PROCESS_RSS), before + 20 * MIB, 2 * MIB);
        assert_near(value_of(world, pid, MW_PROCESS_GROWTH), 20 * MIB, 2 * MIB);
        assert_near(value_of(world, pid, MW_PROCESS_RSS_ANON),
                    value_of(world, pid, MW_PROCESS_RSS) -
                        value_of(world, pid, MW_PROCESS_RSS_FILE) -
                        value_of(world, pid, MW_PROCESS_RSS_SHMEM),
                    MIB / 4);
        child_end(&child);
        world_beat(world);
        assert_event(world, pid, 0, MW_EVENT_GONE, "");
        assert_int_equal(row_of(world, pid), UINT32_MAX);
        world_free(world);
    }
}

static void a_zombie_has_no_memory_and_is_still_there(void **state)
{
    (void)state;
    for (uint32_t keep_fds = 0; keep_fds <= 5000; keep_fds += 5000) {
        struct child child = child_start(NULL);
        struct world *world = world_over("/proc", keep_fds);
        uint64_t pid = (uint64_t)child.pid;
        siginfo_t info;

        world_beat(world);
        assert_true(value_of(world, pid, MW_PROCESS_RSS) > 0);
        kill(child.pid, SIGKILL);
        assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
        world_beat(world);
        assert_int_equal(events_of(world, pid), 0);
        assert_reading(world, pid, MW_PROCESS_RSS, 0);
        assert_reading(world, pid, MW_PROCESS_VIRTUAL, 0);
        assert_reading(world, pid, MW_PROCESS_STATE, 'Z');
        assert_lacks_memory_of_status(world, pid, MW_ABSENT_UNSUPPORTED);
        child_end(&child);
        world_beat(world);
        assert_event(world, pid, 0, MW_EVENT_GONE, "");
        world_free(world);
    }
}

static void an_exec_keeps_the_row_and_begins_growth_anew(void **state)
{
    const deed deeds[] = {grow, execute};
    struct child child = child_start(deeds);
    struct world *world = world_over("/proc", 5000);
    uint64_t pid = (uint64_t)child.pid;
    struct mw_block_key key;

    (void)state;
    world_beat(world);
    child_go(&child);
    world_beat(world);
    key = mw_block_keys(world->block)[row_of(world, pid)];
    assert_near(value_of(world, pid, MW_PROCESS_GROWTH), 20 * MIB, 2 * MIB);
    child_go(&child);
    world_beat(world);
    assert_int_equal(events_of(world, pid), 1);
    assert_event(world, pid, 0, MW_EVENT_NAME, "sleep");
    assert_int_equal(mw_block_keys(world->block)[row_of(world, pid)].birth, key.birth);
    assert_near(value_of(world, pid, MW_PROCESS_GROWTH), 0, 2 * MIB);
    assert_true(value_of(world, pid, MW_PROCESS_PEAK) < 20 * MIB);
    child_end(&child);
    world_free(world);
}

/* The pid of a child of `parent`, 0 when it has none yet. */
static pid_t child_of(pid_t parent)
{
    for (pid_t pid = parent + 1; pid < parent + 3000; pid++) {
        char path[64], line[512];
        FILE *file;
        const char *behind;
        char state;
        int found = 0;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        file = fopen(path, "re");
        if (file == NULL)
            continue;
        line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
        fclose(file);
        behind = strrchr(line, ')');
        if (behind != NULL && sscanf(behind, ") %c %d", &state, &found) == 2 && found == parent)
            return pid;
    }
    return 0;
}

/* posix_spawn() runs its child in the parent's memory until exec; this one first waits for a writer
 * to a fifo. */
static void spawn_behind(const char *fifo)
{
    char *const arguments[] = {"sleep", "1000", NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, fifo, O_RDONLY, 0);
    if (posix_spawn(&pid, "/bin/sleep", &actions, NULL, arguments, NULL) != 0)
        _exit(1);
    pause();
    _exit(0);
}

static void wait_for_name(pid_t pid, const char *name)
{
    char path[64], found[64] = "";

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    for (int i = 0; i < 1000 && strcmp(found, name) != 0; i++) {
        FILE *file = fopen(path, "re");

        assert_non_null(file);
        assert_int_equal(fscanf(file, "%63s", found), 1);
        fclose(file);
        usleep(10000);
    }
    assert_string_equal(found, name);
}

static void a_vfork_child_is_not_counted_twice(void **state)
{
    struct tree tree = tree_create();
    struct world *world = world_over("/proc", 5000);
    char fifo[128];
    pid_t parent, child = 0;
    int writer;

    (void)state;
    snprintf(fifo, sizeof(fifo), "%s/fifo", tree.path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    parent = fork();
    assert_true(parent >= 0);
    if (parent == 0)
        spawn_behind(fifo);
    for (int i = 0; i < 500 && child == 0; i++) {
        usleep(10000);
        child = child_of(parent);
    }
    assert_true(child > 0);
    usleep(50000); /* until it is asleep in open() */
    for (int beat = 0; beat < 3; beat++) {
        world_beat(world);
        assert_true(value_of(world, (uint64_t)parent, MW_PROCESS_RSS) > 0);
        assert_int_equal(row_of(world, (uint64_t)child), UINT32_MAX);
    }
    writer = open(fifo, O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    wait_for_name(child, "sleep");
    world_beat(world);
    assert_event(world, (uint64_t)child, 0, MW_EVENT_BORN, "");
    assert_event(world, (uint64_t)child, 1, MW_EVENT_NAME, "sleep");
    kill(child, SIGKILL);
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    close(writer);
    tree_free(&tree);
    world_free(world);
}

/* ---- in a pid namespace of its own ---- */

static struct tree private_proc;

static void set_next_pid(pid_t pid)
{
    char path[128], number[32];
    int fd, size = snprintf(number, sizeof(number), "%d", pid - 1);

    snprintf(path, sizeof(path), "%s/sys/kernel/ns_last_pid", private_proc.proc);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, number, (size_t)size), size);
    close(fd);
}

static struct child child_with_pid(pid_t pid)
{
    struct child child;

    set_next_pid(pid);
    child = child_start(NULL);
    assert_int_equal(child.pid, pid);
    return child;
}

/* The old one's end comes first, both are told, and no number of the new one is the old one's. */
static void used_pids(void)
{
    for (uint32_t keep_fds = 0; keep_fds <= 8; keep_fds += 8) {
        struct world *world = world_over(private_proc.proc, keep_fds);
        struct child child = child_with_pid(3000);
        struct mw_block_key old;

        world_beat(world);
        old = event_of(world, 3000, 0)->key;
        assert_int_equal(is_kept(world, 3000), keep_fds > 0);
        child_end(&child);
        usleep(20000); /* so that the start time is another tick */
        child = child_with_pid(3000);
        world_beat(world);
        assert_int_equal(events_of(world, 3000), 4);
        assert_event(world, 3000, 0, MW_EVENT_GONE, "");
        assert_int_equal(event_of(world, 3000, 0)->key.birth, old.birth);
        assert_event(world, 3000, 1, MW_EVENT_BORN, "");
        assert_true(event_of(world, 3000, 1)->key.birth > old.birth);
        assert_int_equal(event_of(world, 3000, 1)->row, event_of(world, 3000, 0)->row);
        assert_reading(world, 3000, MW_PROCESS_GROWTH, 0);
        child_end(&child);
        world_free(world);
    }
}

/* This program and `MANY` children: N - 1, N and N + 1 around their number. */
static void kept_numbers(void)
{
    enum { MANY = 5 };
    static const uint32_t limits[] = {0, 1, MANY, MANY + 1, MANY + 2};
    struct child children[MANY];

    for (int i = 0; i < MANY; i++)
        children[i] = child_start(NULL);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct world *world = world_over(private_proc.proc, limits[i]);

        for (int beat = 0; beat < 3; beat++) {
            world_beat(world);
            assert_int_equal(mw_block_head(world->block)->live, MANY + 1);
            assert_true(value_of(world, (uint64_t)children[0].pid, MW_PROCESS_RSS) > 0);
        }
        assert_int_equal(kept_statm(world), limits[i] < MANY + 1 ? limits[i] : MANY + 1);
        world_free(world);
    }
    for (int i = 0; i < MANY; i++)
        child_end(&children[i]);
}

static uint32_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    uint32_t count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* Hundreds of births and ends with few pids, so that also the proc of our own is replaced. */
static void churn(void)
{
    struct world *world = world_over(private_proc.proc, 8);
    uint32_t descriptors = 0;

    for (int i = 0; i < 400; i++) {
        struct child child = child_with_pid(4000 + i % 3);

        world_beat(world);
        descriptors = i == 0 ? open_descriptors() : descriptors;
        assert_int_equal(open_descriptors(), descriptors);
        assert_int_equal(mw_block_head(world->block)->live, 2);
        assert_true(mw_block_head(world->block)->rows <= 3);
        child_end(&child);
        if (i % 2 == 0)
            world_beat(world);
    }
    world_beat(world);
    assert_int_equal(kept_statm(world), 1);
    world_free(world);
}

static pid_t outer_pid; /* of the test program, where it began */

/* proc_root may be of another namespace than ours: it alone says who is there, and nothing is read
 * about those who have the same pid here. */
static void another_namespace(void)
{
    struct world *world = world_over("/proc", 8);
    struct child child = child_with_pid(outer_pid);
    uint64_t resident;

    world_beat(world);
    resident = value_of(world, (uint64_t)outer_pid, MW_PROCESS_RSS);
    assert_true(resident > 0);
    assert_true(event_of(world, (uint64_t)outer_pid, 1)->text_size > 0);
    assert_int_not_equal(event_of(world, (uint64_t)outer_pid, 1)->text_size,
                         strlen("collect-child"));
    assert_true(mw_block_head(world->block)->live > 2);
    child_end(&child);
    world_beat(world);
    assert_int_equal(events_of(world, (uint64_t)outer_pid), 0);
    world_free(world);
}

/* Runs it as the first process of a namespace; there a failed assertion ends that process. */
static void run_apart(void (*scenario)(void))
{
    int status;
    pid_t pid;

    if (geteuid() != 0)
        skip();
    private_proc = tree_create();
    outer_pid = getpid();
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 ||
            mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            _exit(77);
        pid = fork();
        if (pid == 0) {
            assert_int_equal(mount("proc", private_proc.proc, "proc", 0, NULL), 0);
            scenario();
            _exit(0);
        }
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    tree_free(&private_proc);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void used_pids_are_other_processes(void **state)
{
    (void)state;
    run_apart(used_pids);
}

static void as_many_are_kept_as_allowed(void **state)
{
    (void)state;
    run_apart(kept_numbers);
}

static void proc_root_alone_says_who_is_there(void **state)
{
    (void)state;
    run_apart(another_namespace);
}

/* Root reads rare files through a proc of its own; whoever may not have one reads the same. */
static void no_right_to_mount_is_needed(void **state)
{
    uid_t uid = geteuid();
    struct child child = child_start(NULL);
    uint64_t pid = (uint64_t)child.pid, rss[2], births[2];

    (void)state;
    for (int as_nobody = 0; as_nobody < 2; as_nobody++) {
        struct world *world;

        assert_int_equal(as_nobody && uid == 0 ? seteuid(65534) : 0, 0);
        world = world_over("/proc", 16);
        world_beat(world);
        assert_event(world, pid, 1, MW_EVENT_NAME, "collect-child");
        assert_int_equal(event_of(world, pid, 2)->absence, MW_PRESENT);
        assert_reading(world, pid, MW_PROCESS_PPID, (uint64_t)getpid());
        rss[as_nobody] = value_of(world, pid, MW_PROCESS_RSS);
        births[as_nobody] = event_of(world, pid, 0)->key.birth;
        world_free(world);
        assert_int_equal(seteuid(uid), 0);
    }
    assert_int_equal(rss[0], rss[1]);
    assert_int_equal(births[0], births[1]);
    child_end(&child);
}

static void births_and_ends_leave_nothing_behind(void **state)
{
    (void)state;
    run_apart(churn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_program_is_read_as_it_sees_itself),
        cmocka_unit_test(growth_is_seen),
        cmocka_unit_test(a_zombie_has_no_memory_and_is_still_there),
        cmocka_unit_test(an_exec_keeps_the_row_and_begins_growth_anew),
        cmocka_unit_test(a_vfork_child_is_not_counted_twice),
        cmocka_unit_test(used_pids_are_other_processes),
        cmocka_unit_test(as_many_are_kept_as_allowed),
        cmocka_unit_test(births_and_ends_leave_nothing_behind),
        cmocka_unit_test(proc_root_alone_says_who_is_there),
        cmocka_unit_test(no_right_to_mount_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
