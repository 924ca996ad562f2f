/* A document's list as a table, or the document as it is. */
#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>

enum { OUT_MAX = 1 << 20 };

static void put_table(struct mwd_ctl *self, const struct mwd_ctl_rows *rows, const cJSON *document,
                      struct mwd_buffer *out)
{
    struct mwd_ctl_table *table;
    const cJSON *row;
    int r = mwd_ctl_table_create(rows->columns, rows->count, &table);

    if (r < 0) {
        out->failed = r;
        return;
    }
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(document, rows->key))
        rows->put(self, rows, row, table);
    mwd_ctl_table_put(table, self, out);
    mwd_ctl_table_destroy(table);
}

int mwd_ctl_show_rows(struct mwd_ctl *self, const struct mwd_ctl_rows *rows)
{
    struct mwd_buffer out;
    cJSON *document;
    int code;

    if (self->options->json)
        return mwd_ctl_pass_on(self, "GET", rows->path);
    code = mwd_ctl_document(self, rows->path, &document);
    if (code != MWD_CTL_OK)
        return code;
    mwd_buffer_init(&out, OUT_MAX);
    put_table(self, rows, document, &out);
    cJSON_Delete(document);
    code = mwd_ctl_print(&out);
    mwd_buffer_deinit(&out);
    return code;
}
