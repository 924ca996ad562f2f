/* utf8: names of processes and files are bytes; what leaves the program is UTF-8.
 *
 * State    none; all functions are pure.
 */
#ifndef MW_BASE_UTF8_H
#define MW_BASE_UTF8_H
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Length of the valid UTF-8 sequence at the front of `bytes`, 0 when there is none. Overlong
 * forms, surrogates and values over U+10FFFF are not valid. `size` is at least 1. */
size_t mw_utf8_sequence(const char *bytes, size_t size);

bool mw_utf8_valid(const char *bytes, size_t size);

/* Copies `size` bytes to `ret`, each byte that is not part of valid UTF-8 as the four characters
 * \xNN. Bytes that would not fit into `capacity` are left out whole.
 * Returns  the bytes written; there is no NUL. `capacity` of 4 * size always suffices. */
size_t mw_utf8_escape(const char *bytes, size_t size, char *ret, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif
