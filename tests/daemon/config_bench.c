#include "config_bench.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

int bench_open(void **state)
{
    struct bench *self = calloc(1, sizeof *self);

    assert_non_null(self);
    snprintf(self->folder, sizeof self->folder, "/tmp/config.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    snprintf(self->path, sizeof self->path, "%s/m.conf", self->folder);
    *state = self;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

int bench_close(void **state)
{
    struct bench *self = *state;

    nftw(self->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    mwd_config_destroy(self->config);
    free(self->said);
    free(self);
    return 0;
}

void bench_write_bytes(const struct bench *self, const char *name, const char *bytes, size_t size)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    if (strchr(name, '/')) {
        *strrchr(path, '/') = '\0';
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/%s", self->folder, name);
    }
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void bench_write(const struct bench *self, const char *name, const char *text)
{
    bench_write_bytes(self, name, text, strlen(text));
}

/* Without each "FOLDER/". */
static char *without_folder(const struct bench *self, const char *text, size_t size)
{
    size_t folder_size = strlen(self->folder);
    char *result = calloc(1, size + 1);
    char *at = result;

    assert_non_null(result);
    for (const char *end = text + size; text < end;)
        if ((size_t)(end - text) > folder_size && strncmp(text, self->folder, folder_size) == 0)
            text += folder_size + 1;
        else
            *at++ = *text++;
    return result;
}

void bench_load(struct bench *self)
{
    struct mwd_config_input input = {self->path, false, self->settings, self->setting_count,
                                     self->environment};
    struct mwd_buffer errors;
    struct mwd_config *config = NULL;

    mwd_buffer_init(&errors, 1 << 20);
    self->result = mwd_config_load(&input, &errors, &config);
    assert_int_equal(errors.failed, 0);
    if (self->result == 0) {
        assert_non_null(config);
        mwd_config_destroy(self->config);
        self->config = config;
    } else {
        assert_null(config);
    }
    free(self->said);
    self->said = without_folder(self, errors.bytes ? errors.bytes : "", errors.size);
    mwd_buffer_deinit(&errors);
}

const char *bench_load_text(struct bench *self, const char *text)
{
    bench_write(self, "m.conf", text);
    bench_load(self);
    return self->said;
}

const char *bench_load_key(struct bench *self, const char *key, const char *value)
{
    const char *dot = strchr(key, '.');
    char text[8192 + 128];

    if (dot)
        snprintf(text, sizeof text, "%.*s { %s = %s }\n", (int)(dot - key), key, dot + 1, value);
    else
        snprintf(text, sizeof text, "%s = %s\n", key, value);
    return bench_load_text(self, text);
}

uint32_t bench_key(const char *name)
{
    for (uint32_t key = 0; key < mwd_config_key_count; key++)
        if (strcmp(mwd_config_keys[key].name, name) == 0)
            return key;
    fail_msg("no key %s", name);
    return 0;
}

const char *bench_value(const struct bench *self, const char *name)
{
    static char text[8192];
    struct mwd_buffer out;

    mwd_buffer_init(&out, sizeof text - 1);
    mwd_config_value(self->config, bench_key(name), &out);
    assert_int_equal(out.failed, 0);
    snprintf(text, sizeof text, "%.*s", (int)out.size, out.bytes);
    mwd_buffer_deinit(&out);
    return text;
}

const char *bench_origin(const struct bench *self, const char *name)
{
    static char text[8192];
    const char *origin = mwd_config_origin(self->config, bench_key(name));
    char *shown = without_folder(self, origin, strlen(origin));

    snprintf(text, sizeof text, "%s", shown);
    free(shown);
    return text;
}
