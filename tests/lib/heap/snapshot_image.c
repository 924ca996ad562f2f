#include "snapshot_image.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, HEX_DIGITS = 4, ROWS_MAX = 1 << 26 };

/* Stops for good at the first fault. */
struct reader {
    char *at;
    bool good;
};

static void expect(struct reader *self, const char *text)
{
    size_t size = strlen(text);

    self->good = self->good && strncmp(self->at, text, size) == 0;
    if (self->good)
        self->at += size;
}

static uint64_t read_number(struct reader *self)
{
    const char *from = self->at;
    uint64_t value = 0;

    for (; *self->at >= '0' && *self->at <= '9'; self->at++)
        value = value * 10 + (uint64_t)(*self->at - '0');
    self->good = self->good && self->at > from;
    return value;
}

static void skip_to(struct reader *self, const char *text)
{
    char *found = strstr(self->at, text);

    self->good = self->good && found != NULL;
    if (self->good)
        self->at = found;
}

static void read_counts(struct reader *self, uint64_t *ret_nodes, uint64_t *ret_edges)
{
    expect(self, "{\"snapshot\":{\"meta\":{");
    skip_to(self, ",\"node_count\":");
    expect(self, ",\"node_count\":");
    *ret_nodes = read_number(self);
    expect(self, ",\"edge_count\":");
    *ret_edges = read_number(self);
    expect(self, ",\"trace_function_count\":0},\n");
    self->good = self->good && *ret_nodes < ROWS_MAX && *ret_edges < ROWS_MAX;
}

/* One row a line. */
static void read_rows(struct reader *self, uint64_t *ret, uint64_t rows, size_t width)
{
    expect(self, "[");
    for (uint64_t i = 0; i < rows * width && self->good; i++) {
        expect(self, i == 0 ? "" : ",");
        ret[i] = read_number(self);
        expect(self, i % width == width - 1 ? "\n" : "");
    }
    expect(self, "]");
}

/* ---- strings ---- */

/* Only what may not stand for itself is written as a number. */
static char read_hex(struct reader *self)
{
    char digits[HEX_DIGITS + 1] = "";
    unsigned long value;
    char *end;

    expect(self, "u");
    strncpy(digits, self->at, HEX_DIGITS);
    value = strtoul(digits, &end, 16);
    self->good = self->good && end == digits + HEX_DIGITS && value < ' ';
    if (self->good)
        self->at += HEX_DIGITS;
    return (char)value;
}

static char read_character(struct reader *self)
{
    char character = *self->at;

    self->good = self->good && (unsigned char)character >= ' ';
    if (!self->good || character != '\\') {
        self->at += self->good;
        return character;
    }
    character = *++self->at;
    if (character != '"' && character != '\\')
        return read_hex(self);
    self->at++;
    return character;
}

/* In place, as what it says is never longer than how that is written. */
static void read_string(struct reader *self, struct image_string *ret)
{
    char *to;

    expect(self, "\"");
    ret->bytes = to = self->at;
    while (self->good && *self->at != '"')
        *to++ = read_character(self);
    ret->size = (size_t)(to - ret->bytes);
    expect(self, "\"");
}

/* Each begins a line but the first. */
static size_t count_strings(const char *at)
{
    size_t count = 1;

    for (; *at != '\0'; at++)
        count += at[0] == ',' && at[1] == '\n';
    return count;
}

static void read_strings(struct reader *self, struct image *image)
{
    size_t most = count_strings(self->at);

    image->strings = calloc(most, sizeof(*image->strings));
    self->good = self->good && image->strings != NULL;
    expect(self, "[");
    for (; self->good && image->string_count < most; image->string_count++) {
        expect(self, image->string_count == 0 ? "" : ",\n");
        read_string(self, &image->strings[image->string_count]);
    }
    expect(self, "]}\n");
}

/* ---- the file ---- */

/* A text of up to `most` bytes; NULL without memory. */
static char *read_file(int fd, size_t most)
{
    struct stat status;
    size_t size;
    char *text;

    if (fstat(fd, &status) != 0)
        return NULL;
    size = (size_t)status.st_size < most ? (size_t)status.st_size : most;
    text = calloc(1, size + 1);
    if (text != NULL && pread(fd, text, size, 0) != (ssize_t)size) {
        free(text);
        return NULL;
    }
    return text;
}

bool image_counts(int fd, uint64_t *ret_nodes, uint64_t *ret_edges)
{
    char *text = read_file(fd, HEAD_MAX);
    struct reader reader = {text, text != NULL};

    if (text != NULL)
        read_counts(&reader, ret_nodes, ret_edges);
    free(text);
    return reader.good;
}

static bool allocate(struct image *self)
{
    self->nodes = calloc(self->node_count + 1, sizeof(*self->nodes));
    self->edges = calloc(self->edge_count + 1, sizeof(*self->edges));
    self->first_edges = calloc(self->node_count + 1, sizeof(*self->first_edges));
    return self->nodes != NULL && self->edges != NULL && self->first_edges != NULL;
}

/* Returns whether each edge has its node. */
static bool share_out_edges(struct image *self)
{
    uint64_t next = 0;

    for (uint64_t i = 0; i < self->node_count; i++) {
        self->first_edges[i] = next;
        next += self->nodes[i][NODE_EDGES];
    }
    return next == self->edge_count;
}

bool image_read(struct image *ret, int fd)
{
    struct reader reader = {.good = true};

    *ret = (struct image){.text = read_file(fd, SIZE_MAX)};
    reader.at = ret->text;
    if (ret->text == NULL)
        return false;
    read_counts(&reader, &ret->node_count, &ret->edge_count);
    if (!reader.good || !allocate(ret))
        return false;
    expect(&reader, "\"nodes\":");
    read_rows(&reader, ret->nodes[0], ret->node_count, NODE_WIDTH);
    expect(&reader, ",\n\"edges\":");
    read_rows(&reader, ret->edges[0], ret->edge_count, EDGE_WIDTH);
    expect(&reader, ",\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
                    "\"locations\":[],\n\"strings\":");
    read_strings(&reader, ret);
    return reader.good && *reader.at == '\0' && share_out_edges(ret);
}

void image_free(struct image *self)
{
    free(self->text);
    free(self->nodes);
    free(self->edges);
    free(self->first_edges);
    free(self->strings);
}
