/* What holds for every key-value text of /proc, whatever its bytes. */
#ifndef MW_FUZZ_TEXT_CHECK_H
#define MW_FUZZ_TEXT_CHECK_H
#include "collect/collect.h"

typedef int (*text_parser)(const char *bytes, size_t size, struct mw_block *block);

/* Parses the text and aborts unless: each reading of `file` has a value that makes sense or a
 * reason, no other reading was touched, and the result says whether everything was in order. */
void text_check(text_parser parse, const char *file, const uint8_t *data, size_t size);
#endif
