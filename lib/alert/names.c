/* Fingerprints outlive the process, so their hash has a key that everybody knows. Whoever makes up
 * two names that hash alike spoils alerts of these two names, which are both his own; to hit the
 * name of somebody else he has 2^64 to try. */
#include "alert/alert_internal.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <string.h>

static const struct mw_hash_key key = {{UINT64_C(0x6d656d7761746368), UINT64_C(0x616c65727473)}};

uint64_t mw_alert_hash_text(const char *text, size_t size)
{
    return mw_hash(&key, text, size);
}

uint64_t mw_alert_hash_pair(uint64_t left, uint64_t right)
{
    uint64_t words[] = {left, right};

    return mw_hash(&key, words, sizeof(words));
}

uint64_t mw_alert_hash_subject(enum mw_kind kind, struct mw_block_key subject, const char *name,
                               size_t size)
{
    const char *word = mw_kind_word(kind);
    uint64_t who;

    if (kind == MW_KIND_PROCESS && subject.id != 0)
        who = mw_alert_hash_pair(subject.id, subject.birth);
    else
        who = mw_alert_hash_text(name, size);
    return mw_alert_hash_pair(mw_alert_hash_text(word, strlen(word)), who);
}

const char *mw_alert_name_of_one(enum mw_kind kind)
{
    return kind == MW_KIND_DAEMON ? "memwatchd" : "system";
}

void mw_alert_copy_text(const char *bytes, size_t size, char *ret, size_t capacity)
{
    size_t used = 0;

    while (used < size) {
        size_t sequence = mw_utf8_sequence(bytes + used, size - used);

        if (sequence == 0 || used + sequence >= capacity)
            break;
        used += sequence;
    }
    memcpy(ret, bytes, used);
    ret[used] = '\0';
}

bool mw_alert_text_fits(const char *text, size_t capacity)
{
    size_t size = strnlen(text, capacity);

    if (size == capacity || !mw_utf8_valid(text, size))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}
