/* freeze TID: holds one thread of another process still until this program ends, as a thread is
 * held that waits for a dead disk. Prints "frozen" when it is. Ends when the thread does: before
 * that the parent of a process does not hear of its end. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    pid_t tid = argc == 2 ? (pid_t)atoi(argv[1]) : 0;
    int status;

    if (tid <= 0) {
        fputs("usage: freeze TID\n", stderr);
        return 2;
    }
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
        ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) != tid) {
        perror("freeze");
        return 1;
    }
    puts("frozen");
    fflush(stdout);
    while (waitpid(tid, &status, __WALL) == tid && !WIFEXITED(status) && !WIFSIGNALED(status))
        ;
    return 0;
}
