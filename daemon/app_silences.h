/* The documents of silences and acknowledgements; app_silences_json.c. Not for others. */
#ifndef MWD_APP_SILENCES_H
#define MWD_APP_SILENCES_H
#include "alert/alert.h"
#include "daemon/buffer.h"

/* {"rule": GLOB, "subject": GLOB, "severity": ["info", ...], "labels": {NAME: GLOB}, "startsMs",
 * "endsMs" or "for": "2h", "author", "comment"}. What only the library can judge is left to
 * mw_alert_silence_check().
 * Errors   -EINVAL, with a sentence in detail[256] that names the member and what it takes. */
int mwd_app_silence_parse(const char *body, size_t size, int64_t now_ms,
                          struct mw_alert_silence *ret, char *detail);
/* {"author", "comment"} into `ret`. Errors as above. */
int mwd_app_ack_parse(const char *body, size_t size, struct mw_alert_ack *ret, char *detail);

void mwd_app_silence_json(const struct mw_alert_silence *silence, int64_t now_ms,
                          struct mwd_buffer *out);
void mwd_app_silences_json(const struct mw_alert_silence *silences, uint32_t count, int64_t now_ms,
                           struct mwd_buffer *out);
#endif
