/* view_check: rendered documents as trees, and what must stand in them. Every function fails the
 * running test when it does not. */
#ifndef TESTS_SUPPORT_VIEW_CHECK_H
#define TESTS_SUPPORT_VIEW_CHECK_H
#include "daemon/view.h"
#include "tests/support/synthetic.h"

#include <cjson/cJSON.h>

/* The buffer holds exactly one document: valid JSON and UTF-8 to its last byte, no key twice in an
 * object. The caller's, cJSON_Delete(). */
cJSON *view_parse(const struct mwd_buffer *out);

/* The member with this key, which must be there. */
const cJSON *view_member(const cJSON *object, const char *key);

/* The member shows this value in the type of the table; or, when absent, it is null and the reason
 * stands in "absent". */
void view_expect_value(const cJSON *object, const char *key, enum mw_value_type type,
                       enum mw_absence absence, union mw_value value);
void view_expect_text(const cJSON *object, const char *key, struct mw_subject_text text);

/* The member shows what the sample says of this reading. Returns 1 when that is absent, else 0. */
int view_expect_reading(const cJSON *object, const char *key, const struct mw_sample *sample,
                        enum mw_reading reading, uint32_t row);

/* "absent" has so many members; it is not there when there is none. */
void view_expect_absent_count(const cJSON *object, int count);

/* timeMs and seq come first and are those of the sample. */
void view_expect_head(const cJSON *object, const struct mw_sample *sample);

/* A process object shows all that is known of this row, and nothing else, behind `before` members
 * of the document. */
void view_expect_process(const cJSON *object, const struct mwd_view_input *input, uint32_t row,
                         int before);

struct mwd_view_input view_input(const struct synthetic *synthetic);
#endif
