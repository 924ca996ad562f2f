/* Messages and alerts as objects of the managed heap.
 *
 *     SinkAlert     one alert for one target: the messages that wait, oldest first; for an
 *                   Alertmanager also the firing that it was told of
 *     SinkMessage   shared by all targets of a sink
 *     SinkText      id, fingerprint and payload of a message, one after the other
 *
 * The text's layout is a head of three sizes, then the three texts, each with a NUL. */
#include "daemon/sink_internal.h"

#include <string.h>

struct text_head {
    uint32_t id_size, fingerprint_size; /* without NUL */
    uint64_t payload_size;
};

int mwd_sink_types_init(struct mwd_sink_types *self, struct mw_heap *heap)
{
    static const struct mw_heap_field alert_fields[] = {
        {"message0", 0}, {"message1", 1}, {"message2", 2},         {"message3", 3},
        {"message4", 4}, {"message5", 5}, {"active", ALERT_ACTIVE}};
    static const struct mw_heap_field message_fields[] = {{"text", MESSAGE_TEXT}};
    static const struct mw_heap_type_info alert = {"SinkAlert",  MW_KIND_FIXED,    ALERT_WORDS,
                                                   alert_fields, ALERT_ACTIVE + 1, NULL};
    static const struct mw_heap_type_info message = {
        "SinkMessage", MW_KIND_FIXED, MESSAGE_WORDS, message_fields, 1, NULL};
    static const struct mw_heap_type_info text = {"SinkText", MW_KIND_BYTES, 0, NULL, 0, NULL};

    self->heap = heap;
    int r = mw_heap_add_type(heap, &alert, &self->alert);
    if (r == 0)
        r = mw_heap_add_type(heap, &message, &self->message);
    return r < 0 ? r : mw_heap_add_type(heap, &text, &self->text);
}

/* ---- making one ---- */

static void put_text(char **at, const char *bytes, size_t size)
{
    memcpy(*at, bytes, size);
    (*at)[size] = '\0';
    *at += size + 1;
}

static struct mw_ref new_text(const struct mwd_sink_types *types,
                              const struct mwd_sink_message *message,
                              const struct mwd_buffer *payload)
{
    struct text_head head = {(uint32_t)strlen(message->id), (uint32_t)strlen(message->fingerprint),
                             payload->size};
    size_t size = sizeof head + head.id_size + head.fingerprint_size + payload->size + 3;
    struct mw_ref text = mw_heap_new_array(types->heap, types->text, size, MW_PLACE_YOUNG);

    if (mw_ref_is_none(text))
        return text;
    mw_heap_raw_enter(types->heap);
    char *at = mw_heap_raw(types->heap, text);
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    put_text(&at, message->id, head.id_size);
    put_text(&at, message->fingerprint, head.fingerprint_size);
    put_text(&at, payload->bytes, payload->size);
    mw_heap_raw_leave(types->heap);
    return text;
}

struct mw_ref mwd_sink_message_new(const struct mwd_sink_types *types,
                                   const struct mwd_sink_message *message,
                                   const struct mwd_buffer *payload, uint64_t now_ns,
                                   uint32_t targets)
{
    struct mw_heap *heap = types->heap;
    MW_SCOPE(scope, heap);
    struct mw_ref text = new_text(types, message, payload);
    struct mw_ref self;

    if (mw_ref_is_none(text))
        return mw_ref_none();
    self = mw_heap_new(heap, types->message);
    if (mw_ref_is_none(self))
        return mw_ref_none();
    mw_heap_set(heap, self, MESSAGE_TEXT, text);
    mw_heap_set_word(heap, self, MESSAGE_STATUS, message->status);
    mw_heap_set_word(heap, self, MESSAGE_QUEUED_NS, now_ns);
    mw_heap_set_word(heap, self, MESSAGE_LEFT, targets);
    mw_heap_set_word(heap, self, MESSAGE_SIZE, payload->size);
    return mw_scope_escape(&scope, self);
}

/* ---- looking at one ---- */

void mwd_sink_message_view(const struct mwd_sink_types *types, struct mw_ref message,
                           struct mwd_sink_view *ret)
{
    struct text_head head;
    const char *at = mw_heap_raw(types->heap, mw_heap_get(types->heap, message, MESSAGE_TEXT));

    memcpy(&head, at, sizeof head);
    ret->id = at + sizeof head;
    ret->fingerprint = ret->id + head.id_size + 1;
    ret->payload = ret->fingerprint + head.fingerprint_size + 1;
    ret->payload_size = head.payload_size;
}

bool mwd_sink_message_is(const struct mwd_sink_types *types, struct mw_ref message,
                         const struct mwd_sink_message *other)
{
    MW_SCOPE(scope, types->heap);
    struct mwd_sink_view view;

    if (mw_heap_get_word(types->heap, message, MESSAGE_STATUS) != other->status)
        return false;
    mw_heap_raw_enter(types->heap);
    mwd_sink_message_view(types, message, &view);
    bool same = strcmp(view.id, other->id) == 0;
    mw_heap_raw_leave(types->heap);
    return same;
}
