/* idle N [KIB]: N processes that hold KIB (default 200) of private memory each and sleep, under 50
 * names. Prints "ready" when all are up; they end with this one, which ends at end of input. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES = 50, PAGE = 4096 };

static void be_idle(int number, size_t bytes, int ready)
{
    char name[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(name, sizeof name, "idle-%02d", number % NAMES);
    prctl(PR_SET_NAME, name);
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(1);
    for (size_t at = 0; at < bytes; at += PAGE)
        memory[at] = 1;
    if (write(ready, "x", 1) != 1)
        _exit(1);
    close(ready);
    for (;;)
        pause();
}

static int start_all(int count, size_t bytes, int ready[2])
{
    for (int i = 0; i < count; i++) {
        pid_t child = fork();

        if (child < 0)
            return -1;
        if (child > 0)
            continue;
        close(ready[0]);
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        be_idle(i, bytes, ready[1]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    size_t kib = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
    int ready[2];
    char byte;

    if (count <= 0 || pipe(ready) < 0) {
        fprintf(stderr, "usage: idle N [KIB]\n");
        return 2;
    }
    setpgid(0, 0); /* so that all can be ended at once, and nobody else */
    if (start_all(count, kib << 10, ready) < 0) {
        perror("fork");
        return 1;
    }
    close(ready[1]);
    for (int i = 0; i < count; i++)
        if (read(ready[0], &byte, 1) != 1)
            return 1;
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0)
        ;
    return 0;
}
