#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include <ctype.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)

const struct mwd_key_info mwd_config_keys[] = {
#define MWD_KEY(field, name, flag, argument, type, text, min, max, check, restart, takes, help)    \
    {name, flag, argument, text, takes, help, type, restart},
#include "daemon/config_keys.def"
#undef MWD_KEY
};

const uint32_t mwd_config_key_count = MWD_CONFIG_KEYS;

const struct mwd_config_rule mwd_config_rules[MWD_CONFIG_KEYS] = {
#define MWD_KEY(field, name, flag, argument, type, text, min, max, check, ...)                     \
    {offsetof(struct mwd_config, field), min, max, check},
#include "daemon/config_keys.def"
#undef MWD_KEY
};

const char *const mwd_config_blocks[MWD_CONFIG_BLOCKS] = {"heap"};

/* ---- names ---- */

static bool is_name(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

uint32_t mwd_config_find_block(const char *name, size_t size)
{
    uint32_t block = 0;

    while (block < MWD_CONFIG_BLOCKS && !is_name(mwd_config_blocks[block], name, size))
        block++;
    return block;
}

uint32_t mwd_config_block_of(uint32_t key)
{
    const char *name = mwd_config_keys[key].name;
    const char *dot = strchr(name, '.');

    return dot ? mwd_config_find_block(name, (size_t)(dot - name)) : MWD_CONFIG_BLOCKS;
}

const char *mwd_config_short_name(uint32_t key)
{
    const char *name = mwd_config_keys[key].name;
    const char *dot = strchr(name, '.');

    return dot ? dot + 1 : name;
}

uint32_t mwd_config_find(const char *name, size_t size)
{
    uint32_t key = 0;

    while (key < MWD_CONFIG_KEYS && !is_name(mwd_config_keys[key].name, name, size))
        key++;
    return key;
}

uint32_t mwd_config_find_in(uint32_t block, const char *name, size_t size)
{
    uint32_t key = 0;

    while (key < MWD_CONFIG_KEYS &&
           (mwd_config_block_of(key) != block || !is_name(mwd_config_short_name(key), name, size)))
        key++;
    return key;
}

/* ---- guesses ---- */

/* A key that is called so, in whichever block: the right name at the wrong place. */
static uint32_t find_elsewhere(const char *name, size_t size)
{
    uint32_t key = 0;

    while (key < MWD_CONFIG_KEYS && !is_name(mwd_config_short_name(key), name, size))
        key++;
    return key;
}

/* Outside of blocks a name may have been meant for any key; within one, for those of the block. */
uint32_t mwd_config_nearest(uint32_t block, const char *name, size_t size)
{
    struct mwd_nearest nearest = {NULL, 0};
    uint32_t found = MWD_CONFIG_KEYS;

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        bool here = mwd_config_block_of(key) == block;
        const char *meant = here ? mwd_config_short_name(key) : mwd_config_keys[key].name;

        if ((here || block == MWD_CONFIG_BLOCKS) && mwd_nearest_offer(&nearest, name, size, meant))
            found = key;
    }
    return found < MWD_CONFIG_KEYS ? found : find_elsewhere(name, size);
}

uint32_t mwd_config_nearest_block(const char *name, size_t size)
{
    struct mwd_nearest nearest = {NULL, 0};
    uint32_t found = MWD_CONFIG_BLOCKS;

    for (uint32_t block = 0; block < MWD_CONFIG_BLOCKS; block++)
        if (mwd_nearest_offer(&nearest, name, size, mwd_config_blocks[block]))
            found = block;
    return found;
}

void mwd_config_variable(uint32_t key, char ret[MWD_CONFIG_VARIABLE_SIZE])
{
    static const char prefix[] = "MEMWATCHD_";
    const char *name = mwd_config_keys[key].name;
    size_t at = sizeof prefix - 1;

    memcpy(ret, prefix, at);
    for (; *name && at + 1 < MWD_CONFIG_VARIABLE_SIZE; name++) {
        char upper = (char)toupper((unsigned char)*name);

        ret[at++] = upper;
        if (upper == '-' || upper == '.')
            ret[at - 1] = '_';
    }
    ret[at] = '\0';
}
