/* For builds under the thread sanitizer, in every program.
 *
 * libuv closes descriptors by syscall(SYS_close), which the sanitizer does not see. So it takes a
 * number that was a pipe of the loop's for that pipe when another thread has got it for a file, and
 * tells of a race. Here the call goes the way that it knows.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long (*syscall_fn)(long number, ...);

long syscall(long number, ...)
{
    va_list list;
    long words[6];

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        words[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_close)
        return close((int)words[0]);
    union {
        void *symbol;
        syscall_fn call;
    } next = {dlsym(RTLD_NEXT, "syscall")};
    return next.call(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
