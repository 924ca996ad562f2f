/* units: amounts of memory and of time, as people write them.
 *
 * Sizes    "64MB", "512 KiB", "2GB", "1TB", "4096" (bytes, also "4096 B"). KB and KiB are both 1024
 *          bytes; case is free.
 * Spans    "250ms", "1s", "10m", "2h", "1d", and us and ns. A span needs its unit; "0" alone may go
 *          without.
 * State    none; all functions are pure.
 */
#ifndef MW_BASE_UNITS_H
#define MW_BASE_UNITS_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Errors   -EINVAL not a size, -ERANGE more than 2^63-1 bytes; *ret is untouched on any error. */
int mw_units_parse_bytes(const char *text, uint64_t *ret);

/* Errors   -EINVAL not a span, -ERANGE more than 100 years; *ret is untouched on any error. */
int mw_units_parse_span_ns(const char *text, uint64_t *ret);

/* Whole number, decimal digits only. Errors as above. */
int mw_units_parse_count(const char *text, uint64_t *ret);

/* Shape    a whole number of the largest unit that parses back to the same value: "64MB",
 *          "1500ms". `size` of 32 always suffices; what does not fit is cut. */
void mw_units_format_bytes(uint64_t bytes, char *buffer, size_t size);
void mw_units_format_span(uint64_t ns, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
