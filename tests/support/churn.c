/* churn N: keeps N children that sleep. For each line on its input all are ended and N new ones
 * are started; "ready" is printed when they are there. Ends at end of input. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_a_child(int number)
{
    char name[24]; /* prctl() takes the first 15 */

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(name, sizeof name, "churn-%d", number);
    prctl(PR_SET_NAME, name);
    for (;;)
        pause();
}

static int start(pid_t *children, int count)
{
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        if (children[i] < 0)
            return -1;
        if (children[i] == 0)
            be_a_child(i);
    }
    return 0;
}

static void end(const pid_t *children, int count)
{
    for (int i = 0; i < count; i++)
        kill(children[i], SIGKILL);
    for (int i = 0; i < count; i++)
        waitpid(children[i], NULL, 0);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 0;
    pid_t *children = count > 0 ? calloc((size_t)count, sizeof *children) : NULL;
    char line[16];

    if (!children)
        return 2;
    do {
        if (start(children, count) < 0)
            return 1;
        puts("ready");
        fflush(stdout);
        char *more = fgets(line, sizeof line, stdin);
        end(children, count);
        if (!more)
            break;
    } while (1);
    free(children);
    return 0;
}
