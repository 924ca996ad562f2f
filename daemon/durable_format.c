/* What stands in the file, byte by byte. */
#include "daemon/durable.h"

#include "base/hash.h"

#include <string.h>

enum { HEAD_SIZE = 16, RECORD_HEAD_SIZE = 8 };

static const char mark[8] = {'m', 'w', 's', 't', 'a', 't', 'e', '\n'};

/* Not a secret: it tells a record from what is none. */
static const struct mw_hash_key check_key = {
    {UINT64_C(0x6d77737461746521), UINT64_C(0x64757261626c6521)}};

static void put_u32(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t get_u32(const unsigned char *at)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static uint32_t check_of(const void *bytes, size_t size)
{
    return (uint32_t)mw_hash(&check_key, bytes, size);
}

void mwd_durable_put_head(struct mwd_buffer *out, uint32_t version)
{
    unsigned char head[HEAD_SIZE];

    memcpy(head, mark, sizeof mark);
    put_u32(head + 8, version);
    put_u32(head + 12, check_of(head, 12));
    mwd_buffer_append(out, (const char *)head, sizeof head);
}

void mwd_durable_put_record(struct mwd_buffer *out, const void *bytes, size_t size)
{
    unsigned char head[RECORD_HEAD_SIZE];

    put_u32(head, (uint32_t)size);
    put_u32(head + 4, check_of(bytes, size));
    mwd_buffer_append(out, (const char *)head, sizeof head);
    mwd_buffer_append(out, bytes, size);
}

/* A head that a kill cut short was the whole file: nothing is lost with it. */
static enum mwd_durable_verdict read_head(const unsigned char *bytes, size_t size)
{
    size_t marked = size < sizeof mark ? size : sizeof mark;

    if (memcmp(bytes, mark, marked) != 0)
        return MWD_DURABLE_FOREIGN;
    if (size < HEAD_SIZE)
        return MWD_DURABLE_TORN;
    if (get_u32(bytes + 12) != check_of(bytes, 12))
        return MWD_DURABLE_FOREIGN;
    return get_u32(bytes + 8) == MWD_DURABLE_VERSION ? MWD_DURABLE_WHOLE : MWD_DURABLE_NEWER;
}

/* Bytes of the record that stands here, its head included; 0: there is no whole one. */
static size_t record_at(const unsigned char *at, size_t left)
{
    uint32_t size;

    if (left < RECORD_HEAD_SIZE)
        return 0;
    size = get_u32(at);
    if (size == 0 || size > MWD_DURABLE_RECORD_MAX || size > left - RECORD_HEAD_SIZE ||
        get_u32(at + 4) != check_of(at + RECORD_HEAD_SIZE, size))
        return 0;
    return RECORD_HEAD_SIZE + size;
}

enum mwd_durable_verdict mwd_durable_read(const void *bytes, size_t size,
                                          void (*on_record)(void *context, const void *bytes,
                                                            size_t size),
                                          void *context, size_t *ret_whole)
{
    const unsigned char *at = bytes;
    size_t whole = HEAD_SIZE, record;
    enum mwd_durable_verdict verdict;

    *ret_whole = 0;
    if (size == 0)
        return MWD_DURABLE_WHOLE;
    verdict = read_head(bytes, size);
    if (verdict != MWD_DURABLE_WHOLE)
        return verdict;
    while ((record = record_at(at + whole, size - whole)) > 0) {
        on_record(context, at + whole + RECORD_HEAD_SIZE, record - RECORD_HEAD_SIZE);
        whole += record;
    }
    *ret_whole = whole;
    return whole == size ? MWD_DURABLE_WHOLE : MWD_DURABLE_TORN;
}
