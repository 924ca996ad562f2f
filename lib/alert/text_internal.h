/* Templates, for those who check them. Not for others. */
#ifndef MW_ALERT_TEXT_INTERNAL_H
#define MW_ALERT_TEXT_INTERNAL_H
#include <stdbool.h>
#include <stddef.h>

#define MW_ALERT_TEMPLATE_WORDS                                                                    \
    "{subject} {value} {threshold} {limit} {reading} {rule} {severity} {window}"

/* Whether all words in braces are known. If not, the first that is not is in word[capacity], as far
 * as it fits. */
bool mw_alert_template_check(const char *template_text, char *word, size_t capacity);
#endif
