/* Memory that is given back is gone, whatever was done to it; what is locked, too. */
#include "heap/vm_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { BYTES = 32 * 1024 /* less than anybody may lock */ };

/* Not by mlock(), which sanitizers make do nothing. */
static void lock(void *start)
{
    assert_int_equal(syscall(SYS_mlock, start, (size_t)BYTES), 0);
}

static bool is_zero(const char *start)
{
    return start[0] == 0 && memcmp(start, start + 1, BYTES - 1) == 0;
}

static void check_addresses(bool locked)
{
    struct mw_vm vm = {.calls = 0};
    char *start = mw_vm_reserve(&vm, BYTES, BYTES);

    assert_non_null(start);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(mw_vm_commit(&vm, start, BYTES), 0);
        assert_true(is_zero(start));
        if (locked)
            lock(start);
        memset(start, 1, BYTES);
        assert_int_equal(mw_vm_resident(start, BYTES), BYTES);
        mw_vm_decommit(start, BYTES);
        assert_int_equal(mw_vm_resident(start, BYTES), 0);
    }
    mw_vm_unmap(start, BYTES);
}

static void check_table(bool locked)
{
    struct mw_vm vm = {.calls = 0};
    char *start = mw_vm_table(&vm, BYTES);

    assert_non_null(start);
    if (locked)
        lock(start);
    memset(start, 1, BYTES);
    mw_vm_discard(start, BYTES);
    assert_int_equal(mw_vm_resident(start, BYTES), 0);
    assert_true(is_zero(start));
    mw_vm_unmap(start, BYTES);
}

static void what_is_given_back_is_not_resident(void **state)
{
    (void)state;
    check_addresses(false);
    check_table(false);
}

/* As in a daemon that called mlockall(). */
static void locked_memory_is_given_back(void **state)
{
    (void)state;
    check_addresses(true);
    check_table(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_not_resident),
        cmocka_unit_test(locked_memory_is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
