#include "daemon/config_internal.h"
#include "daemon/nearest.h"

#include <ctype.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
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

uint32_t mwd_config_find(const char *name, size_t size)
{
    uint32_t key = 0;

    while (key < MWD_CONFIG_KEYS && (strlen(mwd_config_keys[key].name) != size ||
                                     memcmp(mwd_config_keys[key].name, name, size) != 0))
        key++;
    return key;
}

uint32_t mwd_config_nearest(const char *name, size_t size)
{
    struct mwd_nearest nearest = {NULL, 0};
    uint32_t found = MWD_CONFIG_KEYS;

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++)
        if (mwd_nearest_offer(&nearest, name, size, mwd_config_keys[key].name))
            found = key;
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
        if (upper == '-')
            ret[at - 1] = '_';
    }
    ret[at] = '\0';
}
