/* A program of any operations, in any mode, finds the graph that it built. */
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    play_input(data, size);
    return 0;
}
