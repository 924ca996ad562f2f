/* What libmemwatch is like to use: the machine's memory and this program's own. */
#include <inttypes.h>
#include <memwatch/memwatch.h>
#include <stdio.h>
#include <string.h>

static void print(const struct mw_block *block, enum mw_reading reading)
{
    union mw_value value;
    enum mw_absence absence = mw_block_get(block, reading, 0, &value);

    if (absence == MW_PRESENT)
        printf("%s %" PRIu64 "\n", mw_reading_info(reading)->id, value.u);
    else
        printf("%s %s\n", mw_reading_info(reading)->id, mw_absence_word(absence));
}

int main(void)
{
    struct mw_collector *collector = NULL;
    struct mw_block *machine = NULL, *own = NULL;
    int error = mw_collector_create(NULL, &collector);

    if (error == 0)
        error = mw_collector_read_system(collector, &machine);
    if (error == 0)
        error = mw_collector_read_self(collector, NULL, &own);
    if (error == 0) {
        print(machine, MW_SYSTEM_MEM_TOTAL);
        print(machine, MW_SYSTEM_MEM_AVAILABLE);
        print(own, MW_DAEMON_RSS);
        fflush(stdout);
        getchar(); /* so that /proc can be looked at meanwhile */
    } else {
        fprintf(stderr, "reader: %s\n", strerror(-error));
    }
    mw_block_unref(own);
    mw_block_unref(machine);
    mw_collector_destroy(collector);
    return error != 0;
}
