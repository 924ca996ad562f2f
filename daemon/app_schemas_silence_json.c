/* The schemas of silences and acknowledgements. They are no readings and have no table, so they
 * stand here as they are read. */
#include "daemon/app_internal.h"

#include <cjson/cJSON.h>

#define TEXT(description) "{\"type\":\"string\",\"description\":\"" description "\"}"
#define TIME(description) "{\"type\":\"integer\",\"description\":\"" description "\"}"
#define SEVERITIES                                                                                 \
    "{\"type\":\"array\",\"items\":{\"type\":\"string\","                                          \
    "\"enum\":[\"info\",\"warning\",\"critical\"]}}"
#define LABELS "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"

#define MATCHERS                                                                                                                                    \
    "\"rule\":" TEXT(                                                                                                                               \
        "A glob over names of rules.") ","                                                                                                          \
                                       "\"subject\":" TEXT(                                                                                         \
                                           "A glob over names of subjects.") ","                                                                    \
                                                                             "\"severity\""                                                         \
                                                                             ":" SEVERITIES                                                         \
                                                                             ",\"labels\":" LABELS                                                  \
                                                                             ","                                                                    \
                                                                             "\"startsMs\":" TIME(                                                  \
                                                                                 "Milliseconds "                                                    \
                                                                                 "since 1970.") ","                                                 \
                                                                                                "\"endsMs\":" TIME(                                 \
                                                                                                    "Milliseconds since 1970.") ","                 \
                                                                                                                                "\"author\":" TEXT( \
                                                                                                                                    "Who says so.") ",\"comment\":" TEXT("Why.")

static const char silence[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"id\":" TEXT("To undo it by.") ","
                                     "\"state\":{\"type\":\"string\",\"enum\":[\"pending\","
                                     "\"active\"]}," MATCHERS "},"
                                     "\"required\":[\"id\",\"state\",\"rule\",\"subject\","
                                     "\"severity\",\"labels\",\"startsMs\","
                                     "\"endsMs\",\"author\",\"comment\"]}";

static const char new_silence[] =
    "{\"type\":\"object\",\"properties\":{" MATCHERS ","
    "\"for\":" TEXT(
        "How long from its start, as 2h, in place of endsMs.") "},"
                                                               "\"required\":[\"author\"],"
                                                               "\"additionalProperties\":false}";

static const char silences[] = "{\"type\":\"object\",\"properties\":{\"timeMs\":" TIME(
    "When this was so.") ","
                         "\"silences\":{\"type\":\"array\",\"items\":"
                         "{\"$ref\":\"#/components/schemas/"
                         "Silence\"}}},\"required\":[\"timeMs\",\"silences\"]}";

static const char ack[] = "{\"type\":\"object\",\"properties\":{\"author\":" TEXT(
    "Who knows of it.") ","
                        "\"comment\":" TEXT(
                            "What is done about it.") "},"
                                                      "\"required\":[\"author\"],"
                                                      "\"additionalProperties\":false}";

void mwd_app_add_silence_schemas(cJSON *schemas)
{
    cJSON_AddItemToObject(schemas, "Silence", cJSON_Parse(silence));
    cJSON_AddItemToObject(schemas, "NewSilence", cJSON_Parse(new_silence));
    cJSON_AddItemToObject(schemas, "Silences", cJSON_Parse(silences));
    cJSON_AddItemToObject(schemas, "Ack", cJSON_Parse(ack));
}
