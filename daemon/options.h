/* options: the command line, and the help that explains it. A part of config: flags that set keys
 * are rows of its table.
 *
 * Shape    long flags only, "--flag value" or "--flag=value". Of a flag given twice the last one
 *          counts, but for keys that are lists, which get one element each time.
 * State    none; all texts are borrowed from argv.
 */
#ifndef MWD_OPTIONS_H
#define MWD_OPTIONS_H
#include "daemon/buffer.h"
#include "daemon/config.h"

enum mwd_mode {
    MWD_MODE_RUN,
    MWD_MODE_ONCE,
    MWD_MODE_CHECK_CONFIG,
    MWD_MODE_DUMP_CONFIG,
    MWD_MODE_VERSION,
    MWD_MODE_HELP
};

enum { MWD_SETTINGS_MAX = 64 };

#define MWD_CONFIG_PATH "/etc/memwatchd/memwatchd.conf"

struct mwd_options {
    enum mwd_mode mode;
    const char *config_path; /* MWD_CONFIG_PATH unless --config says another */
    bool config_path_is_default;
    const char *record; /* NULL = not asked for */
    const char *replay;
    double speed; /* of the replay: 0.1 to 1000, INFINITY = as fast as it goes; default 1 */
    struct mwd_setting settings[MWD_SETTINGS_MAX];
    uint32_t setting_count;
};

/* Errors   -EINVAL, with one line that says which flag and why in `error`; *ret is untouched.
 * Note     --help and --version win over everything behind them. */
int mwd_options_parse(int argc, char **argv, struct mwd_buffer *error, struct mwd_options *ret);

struct mwd_flag_info {
    const char *name;     /* "--config" */
    const char *argument; /* how help names the value: "FILE"; NULL when it takes none */
    const char *help;
};

/* Flag number `index`, those that set a key behind the others; false when there are not so many. */
bool mwd_options_flag(uint32_t index, struct mwd_flag_info *ret);

/* Every flag and every key, from their tables. */
void mwd_options_help(struct mwd_buffer *out);
#endif
