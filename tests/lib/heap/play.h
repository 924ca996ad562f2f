/* play: one input of a fuzzer. Its first bytes choose the mode, whether the heap is tight, and what
 * its halves are; the others are a stream. With room enough it must come to the checksum that a
 * plain heap comes to. */
#ifndef MW_TEST_PLAY_H
#define MW_TEST_PLAY_H
#include <stddef.h>
#include <stdint.h>

void play_input(const uint8_t *data, size_t size);
#endif
