/* memwatchd: arguments in, exit code out. Exit codes: 0 ok, 1 failed, 2 usage or configuration. */
#include "daemon/app.h"
#include "daemon/notify.h"
#include "daemon/options.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, TEXT_LIMIT = 1 << 20 };

/* Every descriptor that may be had: kept statm files count against it. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* One arena: the few threads here allocate little, and each arena would keep memory of its own.
 * One thread in libuv's pool: it only writes files. */
static void prepare_process(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a recording that may not grow ends by itself */
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    setenv("UV_THREADPOOL_SIZE", "1", 0);
    raise_file_limit();
}

/* Opened by nobody, 0 to 2 would be given to the first files and sockets: the log would be written
 * into one of them, and libuv aborts when it closes one. */
static void open_standard_files(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* A signal that comes while the configuration is read for the first time is for what runs then. */
static void hold_hangups(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int print(FILE *to, const struct mwd_buffer *text, int exit_code)
{
    if (text->size > 0 && fwrite(text->bytes, text->size, 1, to) != 1)
        return EXIT_FAILURE;
    return fflush(to) == 0 && !text->failed ? exit_code : EXIT_FAILURE;
}

/* A start that fails says why where `systemctl status` shows it, too. */
static int refuse(const struct mwd_options *options, struct mwd_notify *notify,
                  const struct mwd_buffer *text, int exit_code)
{
    const char *end = text->size > 0 ? memchr(text->bytes, '\n', text->size) : NULL;

    if (options->mode == MWD_MODE_RUN && end) {
        char reason[512];

        snprintf(reason, sizeof reason, "cannot start: %.*s", (int)(end - text->bytes),
                 text->bytes);
        mwd_notify_failed(notify, 0, reason);
    }
    return print(stderr, text, exit_code);
}

static int run(const struct mwd_options *options, const struct mwd_config_input *input,
               struct mwd_config *config, struct mwd_notify *notify)
{
    struct mwd_app_options app = {
        .config_input = input,
        .config = config,
        .notify = options->mode == MWD_MODE_RUN ? notify : NULL,
        .record = options->record,
        .replay = options->replay,
        .speed = options->speed,
    };

    if (mwd_log_create(STDERR_FILENO, MWD_LOG_INFO, &app.log) < 0)
        return EXIT_FAILURE;
    prepare_process();
    int code = options->mode == MWD_MODE_ONCE ? mwd_app_once(&app) : mwd_app_run(&app);
    mwd_log_destroy(app.log);
    return code;
}

/* The modes that need a configuration. */
static int load_and_run(const struct mwd_options *options, struct mwd_notify *notify,
                        struct mwd_buffer *text)
{
    struct mwd_config_input input = {
        .path = options->config_path,
        .path_is_default = options->config_path_is_default,
        .settings = options->settings,
        .setting_count = options->setting_count,
        .environment = environ,
    };
    struct mwd_config *config;

    int r = mwd_config_load(&input, text, &config);
    if (r != 0)
        return refuse(options, notify, text, r > 0 ? EXIT_USAGE : EXIT_FAILURE);
    if (options->mode != MWD_MODE_ONCE && mwd_app_check(config, text) < 0) {
        mwd_config_destroy(config);
        return refuse(options, notify, text, EXIT_USAGE);
    }
    if (options->mode == MWD_MODE_RUN || options->mode == MWD_MODE_ONCE)
        return run(options, &input, config, notify); /* which takes the configuration over */
    if (options->mode == MWD_MODE_DUMP_CONFIG)
        mwd_config_dump(config, text);
    mwd_config_destroy(config);
    return print(stdout, text, EXIT_SUCCESS);
}

static int dispatch(const struct mwd_options *options, struct mwd_notify *notify,
                    struct mwd_buffer *text)
{
    switch (options->mode) {
    case MWD_MODE_VERSION:
        mwd_buffer_puts(text, "memwatchd " MW_VERSION "\n");
        return print(stdout, text, EXIT_SUCCESS);
    case MWD_MODE_HELP:
        mwd_options_help(text);
        return print(stdout, text, EXIT_SUCCESS);
    default:
        return load_and_run(options, notify, text);
    }
}

int main(int argc, char **argv)
{
    struct mwd_options options = {.mode = MWD_MODE_RUN};
    struct mwd_notify *notify = NULL;
    struct mwd_buffer text;
    int code;

    hold_hangups();
    open_standard_files();
    mwd_buffer_init(&text, TEXT_LIMIT);
    mwd_notify_create(&notify); /* without it nobody is told, which is no reason not to start */
    if (mwd_options_parse(argc, argv, &text, &options) < 0)
        code = refuse(&options, notify, &text, EXIT_USAGE);
    else
        code = dispatch(&options, notify, &text);
    mwd_notify_destroy(notify);
    mwd_buffer_deinit(&text);
    return code;
}
