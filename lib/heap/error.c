/* Errors in words. */
#include "heap/heap.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct row {
    int error;
    const char *text;
};

static const struct row rows[] = {
    {0, "nothing has failed"},
    {-ENOMEM, "no room is left below the heap's limit, or the system gave no memory"},
    {-EINVAL, "no heap, type or object can have this bound, shape, count or size"},
    {-EOVERFLOW, "as many handles are alive as the heap was made for"},
    {-EPERM, "the call was misuse and was not carried out"},
    {-ENOSPC, "no space is left: on the device, or for one more type"},
    {-EILSEQ, "the verifier found the heap damaged"},
};

const char *mw_heap_error_text(int error)
{
    const char *text = NULL;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].error == error)
            return rows[i].text;
    if (error < 0 && error != INT_MIN)
        text = strerrordesc_np(-error);
    return text != NULL ? text : "an error that the heap does not know";
}
