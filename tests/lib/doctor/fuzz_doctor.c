/* Every parser of doctor in any bytes: what they give back ends in NUL, begins where a path begins,
 * and lies in the text. */
#include "doctor/doctor_internal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void try_mount(const struct mw_doctor_mount *mount)
{
    size_t root = strnlen(mount->root, MW_DOCTOR_PATH),
           point = strnlen(mount->point, MW_DOCTOR_PATH);

    expect(root < MW_DOCTOR_PATH && point < MW_DOCTOR_PATH);
    expect(mount->found || point == 0);
    expect(root == 0 || mount->root[root - 1] != '/');
    expect(point == 0 || mount->point[point - 1] != '/');
}

static void try_mounts(struct mw_scan text)
{
    static struct mw_doctor_mounts mounts;

    mw_doctor_mounts_parse(text, &mounts);
    try_mount(&mounts.memory_v1);
    try_mount(&mounts.v2);
    try_mount(&mounts.tracefs);
    expect(mounts.hidepid <= MW_DOCTOR_HIDE_ALL);
}

static void try_cgroup(struct mw_scan text)
{
    static char path[MW_DOCTOR_PATH];

    for (int v1 = 0; v1 < 2; v1++)
        if (mw_doctor_find_cgroup(text, v1 == 1, path))
            expect(path[0] == '/' && strnlen(path, sizeof path) < sizeof path);
}

/* Also as a name of a release, which ends in NUL. */
static void try_numbers(struct mw_scan text)
{
    struct mw_scan line;
    uint64_t number;
    char release[64] = "";
    size_t size = mw_scan_left(&text) < sizeof release ? mw_scan_left(&text) : sizeof release - 1;

    if (mw_doctor_find_line(text, "Uid", &line))
        expect(line.at > text.at && line.at <= line.end && line.end <= text.end);
    mw_doctor_find_number(text, "MemTotal", &number);
    mw_doctor_find_hex(text, "CapEff", &number);
    mw_doctor_find_limit(text, "Max open files", &number);
    expect(!mw_doctor_has_word(text, "psi=0") || memmem(text.at, mw_scan_left(&text), "psi=0", 5));
    if (size > 0)
        memcpy(release, text.at, size);
    expect(mw_doctor_kernel_number(release) <= 10000 * 100 + 99);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mw_scan text = mw_scan_over((const char *)data, size);

    try_mounts(text);
    try_cgroup(text);
    try_numbers(text);
    return 0;
}
