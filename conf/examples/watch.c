/* Reads from memwatchd with libcurl and cJSON: what there is now, what was, and what happens.
 *
 *     cc -o watch watch.c -lcurl -lcjson
 *     ./watch memory [COUNT]               asks each second, and prints what is new
 *     ./watch history READING [SUBJECT]    the last hour of a reading
 *     ./watch events [COUNT]               follows samples and alerts, over any interruption
 *
 * With COUNT it ends after so many lines. MEMWATCHD_URL names another daemon, MEMWATCHD_TOKEN is
 * sent to one that wants a token, MEMWATCHD_SECONDS is the time between two attempts. Lines are
 *
 *     TIME AVAILABLE TOTAL                  of memory: milliseconds since 1970, bytes
 *     TIME VALUE                            of history; - when nothing is known
 *     sample|missed TIME AVAILABLE, alert TIME STATE RULE SUBJECT
 *
 * Numbers of the daemon are at most 2^53 - 1, so a double holds each of them. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { BODY_MAX = 16 * 1024 * 1024, PATIENCE_S = 30, SILENCE_S = 60 };

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value ? value : otherwise;
}

static void rest(void)
{
    double seconds = strtod(setting("MEMWATCHD_SECONDS", "1"), NULL);
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

/* ---- texts that grow ---- */

struct text {
    char *bytes; /* ends with NUL; or NULL */
    size_t size;
};

static bool add(struct text *self, const char *bytes, size_t size)
{
    char *grown = size > BODY_MAX - self->size ? NULL : realloc(self->bytes, self->size + size + 1);

    if (!grown)
        return false;
    memcpy(grown + self->size, bytes, size);
    self->bytes = grown;
    self->size += size;
    grown[self->size] = '\0';
    return true;
}

static void clear(struct text *self)
{
    free(self->bytes);
    *self = (struct text){0};
}

/* ---- asking ---- */

struct answer {
    long status; /* 0 = there was none */
    struct text body;
    char etag[128];
};

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    struct answer *answer = context;

    return add(&answer->body, bytes, one * size) ? size : 0;
}

static size_t on_field(char *bytes, size_t one, size_t size, void *context)
{
    struct answer *answer = context;
    static const char name[] = "ETag: ";
    size_t skip = sizeof name - 1;

    if (one * size > skip + 2 && strncasecmp(bytes, name, skip) == 0)
        snprintf(answer->etag, sizeof answer->etag, "%.*s", (int)(one * size - skip - 2),
                 bytes + skip);
    return size;
}

/* Of the address and everything that all requests share. `field` is one more header field, or "".
 */
static CURL *begin(const char *path, const char *field, struct curl_slist **ret_fields)
{
    CURL *curl = curl_easy_init();
    char url[1024];

    *ret_fields = *field ? curl_slist_append(NULL, field) : NULL;
    if (!curl)
        return NULL;
    snprintf(url, sizeof url, "%s/api/v1/%s", setting("MEMWATCHD_URL", "http://127.0.0.1:9636"),
             path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *ret_fields);
    if (getenv("MEMWATCHD_TOKEN")) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, getenv("MEMWATCHD_TOKEN"));
    }
    return curl;
}

static void end(CURL *curl, struct curl_slist *fields)
{
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
}

/* Hand the answer's body to clear(). */
static void get(const char *path, const char *field, struct answer *ret)
{
    struct curl_slist *fields;
    CURL *curl = begin(path, field, &fields);

    *ret = (struct answer){0};
    if (curl) {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)PATIENCE_S);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_field);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
        if (curl_easy_perform(curl) == CURLE_OK)
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    }
    end(curl, fields);
}

/* Says what the daemon says: errors are problem documents (RFC 9457). Returns the exit status. */
static int complain(const struct answer *answer)
{
    cJSON *document = cJSON_Parse(answer->body.bytes ? answer->body.bytes : "");
    const char *detail = cJSON_GetStringValue(cJSON_GetObjectItem(document, "detail"));

    fprintf(stderr, "watch: %s\n", detail ? detail : "no answer");
    cJSON_Delete(document);
    return 1;
}

static double number(const cJSON *object, const char *key)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const char *words(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text ? text : "-";
}

/* ---- now ---- */

static void show_memory(const struct answer *answer)
{
    cJSON *document = cJSON_Parse(answer->body.bytes);

    printf("%.0f %.0f %.0f\n", number(document, "timeMs"), number(document, "freemem"),
           number(document, "totalmem"));
    fflush(stdout);
    cJSON_Delete(document);
}

/* An answer stays true until the next sample. Who sends back its ETag is told in a few bytes (304)
 * that there is none yet; 503 is said before the first one. */
static int memory(long count)
{
    char field[160] = "";

    while (count) {
        struct answer answer;
        int error = 0;

        get("memory", field, &answer);
        if (answer.status == 200) {
            show_memory(&answer);
            snprintf(field, sizeof field, "If-None-Match: %s", answer.etag);
            count--;
        } else if (answer.status != 304 && answer.status != 503) {
            error = complain(&answer);
        }
        clear(&answer.body);
        if (error)
            return error;
        if (count)
            rest();
    }
    return 0;
}

/* ---- then ---- */

/* What is done with each step, of which `mean` is NULL where nothing is known: that is not 0.
 * Returns whether to go on. */
typedef bool (*point_fn)(void *context, double time, const double *mean);

static void each_point(const struct answer *answer, point_fn take, void *context)
{
    cJSON *document = cJSON_Parse(answer->body.bytes);
    const cJSON *point;

    cJSON_ArrayForEach(point, cJSON_GetObjectItemCaseSensitive(document, "points"))
    {
        const cJSON *item = cJSON_GetArrayItem(point, 2);
        double mean = cJSON_GetNumberValue(item);

        if (!take(context, cJSON_GetNumberValue(cJSON_GetArrayItem(point, 0)),
                  cJSON_IsNumber(item) ? &mean : NULL))
            break;
    }
    cJSON_Delete(document);
}

static bool show_point(void *context, double time, const double *mean)
{
    (void)context;
    if (mean)
        printf("%.0f %.16g\n", time, *mean);
    else
        printf("%.0f -\n", time);
    return true;
}

static int history(const char *reading, const char *subject)
{
    char *coded = curl_easy_escape(NULL, subject ? subject : "", 0);
    struct answer answer;
    char path[512];
    int error = 0;

    snprintf(path, sizeof path, "history?reading=%s&from=-1h%s%s", reading,
             subject ? "&subject=" : "", coded ? coded : "");
    curl_free(coded);
    get(path, "", &answer);
    if (answer.status == 200)
        each_point(&answer, show_point, NULL);
    else
        error = complain(&answer);
    clear(&answer.body);
    return error;
}

/* ---- whatever comes ---- */

/* What has been seen, so that an interruption leaves no hole. */
struct follower {
    long left;        /* lines that are wanted; below 0: any number */
    double time;      /* of the last sample; 0 before the first */
    double until;     /* of a gap that is being filled */
    bool fresh;       /* no sample has come on this stream yet */
    struct text line; /* that is coming in */
    char event[16], id[32];
};

/* Returns whether more lines are wanted. */
static bool said(struct follower *self)
{
    fflush(stdout);
    return --self->left != 0;
}

static bool show_missed(void *context, double time, const double *mean)
{
    struct follower *self = context;

    if (!mean || time >= self->until)
        return true;
    printf("missed %.0f %.0f\n", time, *mean);
    return said(self);
}

/* A stream begins with the newest sample. What was between it and the last one that came is in the
 * history: means by the second, or by longer steps after a long time. */
static void fill_gap(struct follower *self, double until)
{
    struct answer answer;
    char path[128];

    self->until = until;
    snprintf(path, sizeof path, "history?from=%.0f&to=%.0f", self->time + 1, until);
    get(path, "", &answer);
    if (answer.status == 200)
        each_point(&answer, show_missed, self);
    clear(&answer.body);
}

static bool take_sample(struct follower *self, const cJSON *document)
{
    double time = number(document, "timeMs");

    if (self->fresh && self->time > 0 && time > self->time)
        fill_gap(self, time);
    self->fresh = false;
    self->time = time;
    if (self->left == 0)
        return false;
    printf("sample %.0f %.0f\n", time, number(document, "freemem"));
    return said(self);
}

static bool take_alert(struct follower *self, const cJSON *document)
{
    printf("alert %.0f %s %s %s\n", number(document, "sinceMs"), words(document, "state"),
           words(document, "rule"), words(document, "subject"));
    return said(self);
}

static const char *behind(const char *line, const char *field)
{
    size_t size = strlen(field);

    return strncmp(line, field, size) == 0 ? line + size : NULL;
}

/* The daemon puts all data of an event into one line. Returns whether more lines are wanted. */
static bool take_line(struct follower *self, const char *line)
{
    const char *value;
    bool more = true;

    if ((value = behind(line, "event: ")))
        snprintf(self->event, sizeof self->event, "%s", value);
    else if ((value = behind(line, "id: ")))
        snprintf(self->id, sizeof self->id, "%s", value);
    else if ((value = behind(line, "data: "))) {
        cJSON *document = cJSON_Parse(value);

        if (document && strcmp(self->event, "alert") == 0)
            more = take_alert(self, document);
        else if (document)
            more = take_sample(self, document);
        cJSON_Delete(document);
    }
    return more;
}

/* Ends the stream, by taking less than came, after the last line that is wanted. */
static size_t on_events(char *bytes, size_t one, size_t size, void *context)
{
    struct follower *self = context;
    size_t left = one * size;

    while (left) {
        const char *newline = memchr(bytes, '\n', left);
        size_t part = newline ? (size_t)(newline - bytes) : left;
        bool more = add(&self->line, bytes, part);

        if (newline && more) {
            more = take_line(self, self->line.bytes);
            clear(&self->line);
            part++;
        }
        if (!more)
            return 0;
        bytes += part;
        left -= part;
    }
    return size;
}

static void follow_one(struct follower *self)
{
    struct curl_slist *fields;
    char field[64] = "";
    CURL *curl;

    if (*self->id)
        snprintf(field, sizeof field, "Last-Event-ID: %s", self->id);
    curl = begin("events", field, &fields);
    self->fresh = true;
    if (curl) {
        /* A stream says something each 15 s, if only a comment. */
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)SILENCE_S);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_events);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, self);
        curl_easy_perform(curl);
    }
    clear(&self->line);
    end(curl, fields);
}

static int events(long count)
{
    struct follower follower = {.left = count};

    while (follower.left != 0) {
        follow_one(&follower);
        if (follower.left != 0)
            rest(); /* it is down, or the way to it; it will be back */
    }
    return 0;
}

static bool is_count(const char *word)
{
    return *word && word[strspn(word, "0123456789")] == '\0';
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const char *word = argc > 2 ? argv[2] : NULL;
    long count = word ? strtol(word, NULL, 10) : -1;
    bool counted = !word || (argc == 3 && is_count(word));
    int status = 2;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (strcmp(verb, "memory") == 0 && counted)
        status = memory(count);
    else if (strcmp(verb, "history") == 0 && word && argc <= 4)
        status = history(word, argc > 3 ? argv[3] : NULL);
    else if (strcmp(verb, "events") == 0 && counted)
        status = events(count);
    else
        fprintf(stderr,
                "usage: watch memory [COUNT] | history READING [SUBJECT] | events [COUNT]\n");
    curl_global_cleanup();
    return status;
}
