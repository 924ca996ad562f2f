#include "daemon/config_internal.h"

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

enum { NAME_MAX_SIZE = 32, FAR = 1000 };

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

static bool differ(char a, char b)
{
    return tolower((unsigned char)a) != tolower((unsigned char)b);
}

/* Bytes to insert, drop or replace to make one of the other (Levenshtein), by rows. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned row[NAME_MAX_SIZE + 1];

    if (a_size > NAME_MAX_SIZE || b_size > NAME_MAX_SIZE)
        return FAR;
    for (unsigned j = 0; j <= b_size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b_size; j++) {
            unsigned replaced = diagonal + differ(a[i - 1], b[j - 1]);

            diagonal = row[j];
            row[j] = smallest(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b_size];
}

/* At most two fifths of the name may differ: a guess that is far off sends people the wrong way. */
uint32_t mwd_config_nearest(const char *name, size_t size)
{
    uint32_t nearest = MWD_CONFIG_KEYS;
    unsigned least = FAR;

    for (uint32_t key = 0; key < MWD_CONFIG_KEYS; key++) {
        size_t key_size = strlen(mwd_config_keys[key].name);
        unsigned d = distance(name, size, mwd_config_keys[key].name, key_size);

        if (d < least && (size_t)5 * d <= 2 * key_size) {
            least = d;
            nearest = key;
        }
    }
    return nearest;
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
