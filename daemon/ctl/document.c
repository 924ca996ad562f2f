#include "daemon/ctl/ctl.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

enum { EXACT_BITS = 53 };

int mwd_ctl_document(struct mwd_ctl *self, const char *path, cJSON **ret)
{
    struct mwd_ctl_answer answer;
    cJSON *document = NULL;
    int code = mwd_ctl_fetch(self, "GET", path, &answer);

    if (code == MWD_CTL_OK) {
        document = cJSON_ParseWithLength(answer.body.bytes, answer.body.size);
        if (!cJSON_IsObject(document)) {
            mwd_ctl_complain("%s: what answers %s there is not memwatchd: it is no JSON object",
                             mwd_ctl_address(self), path);
            cJSON_Delete(document);
            code = MWD_CTL_FAILED;
        }
    }
    mwd_buffer_deinit(&answer.body);
    if (code == MWD_CTL_OK)
        *ret = document;
    return code;
}

bool mwd_ctl_number(const cJSON *object, const char *key, uint64_t *ret)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (!cJSON_IsNumber(item) || item->valuedouble < 0 ||
        item->valuedouble > (double)(UINT64_C(1) << EXACT_BITS))
        return false;
    *ret = (uint64_t)item->valuedouble;
    return true;
}

const char *mwd_ctl_text(const cJSON *object, const char *key, const char *otherwise)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text ? text : otherwise;
}

static void put_escaped(const char *text, struct mwd_buffer *out)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c))
            mwd_buffer_append(out, text, 1);
        else
            mwd_buffer_printf(out, "%%%02X", c);
    }
}

void mwd_ctl_put_word(const char *key, const char *value, struct mwd_buffer *out)
{
    if (!value)
        return;
    bool first = out->size == 0 || !memchr(out->bytes, '?', out->size);
    mwd_buffer_printf(out, "%c%s=", first ? '?' : '&', key);
    put_escaped(value, out);
}

void mwd_ctl_put_json(cJSON *document, struct mwd_buffer *out)
{
    char *text = cJSON_PrintUnformatted(document);

    if (text)
        mwd_buffer_printf(out, "%s\n", text);
    else
        out->failed = -ENOMEM;
    cJSON_free(text);
    cJSON_Delete(document);
}
