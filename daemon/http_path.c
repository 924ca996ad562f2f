#include "daemon/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_form_of(const struct mwd_route *row, const struct mwd_route *first)
{
    return strcmp(row->path, first->path) == 0 && strcmp(row->method, first->method) == 0;
}

static void count_forms(struct mwd_http_route *routes, uint32_t count)
{
    for (uint32_t i = 1, first = 0; i < count; i++) {
        routes[i].is_form = is_form_of(routes[i].row, routes[first].row);
        if (routes[i].is_form)
            routes[first].forms++;
        else
            first = i;
    }
}

void mwd_http_routes_init(struct mwd_http_route *routes, const struct mwd_route *rows,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strcspn(rows[i].path, "{");

        bool wild = rows[i].path[size] == '{';

        routes[i] =
            (struct mwd_http_route){.row = &rows[i],
                                    .size = size,
                                    .wild = wild,
                                    .behind = wild ? strchr(rows[i].path + size, '}') + 1 : ""};
    }
    count_forms(routes, count);
}

const char *mwd_http_path_of(const char *url, char *authority)
{
    size_t size;

    authority[0] = '\0';
    if (strncasecmp(url, "http://", 7) != 0)
        return url;
    url += 7;
    size = strcspn(url, "/");
    snprintf(authority, MWD_HTTP_HOST_BYTES, "%.*s", (int)size, url);
    return url[size] ? url + size : "/";
}

/* ---- decoding ---- */

static bool is_plain(const char *raw)
{
    for (; *raw; raw++)
        if (*raw == '%' || (unsigned char)*raw >= 0x80)
            return false;
    return true;
}

static int badly_encoded(struct mwd_http_problem *problem)
{
    return mwd_http_problem(problem, 400,
                            "the path is badly encoded: it takes percent signs with two digits, "
                            "UTF-8, no NUL");
}

/* The last segment is decoded by itself, so that an encoded slash in it is text and no border. */
int mwd_http_path_parse(const char *raw, char *scratch, struct mwd_http_path *ret,
                        struct mwd_http_problem *problem)
{
    const char *slash = strrchr(raw, '/');
    size_t head_size = slash ? (size_t)(slash - raw) + 1 : 0;
    ssize_t head, tail;

    if (is_plain(raw)) {
        *ret = (struct mwd_http_path){raw, raw + head_size};
        return 0;
    }
    head = mwd_http_decode(raw, head_size, false, scratch);
    if (head < 0)
        return badly_encoded(problem);
    tail = mwd_http_decode(raw + head_size, strlen(raw + head_size), false, scratch + head);
    if (tail < 0)
        return badly_encoded(problem);
    *ret = (struct mwd_http_path){scratch, scratch + head};
    return 0;
}

/* ---- finding ---- */

/* Bytes of what stands for braces in the middle of a path, one segment; 0 when it does not fit. */
static size_t middle(const struct mwd_http_route *route, const struct mwd_http_path *path)
{
    const char *value = path->text + route->size;
    size_t size;

    if (strncmp(path->text, route->row->path, route->size) != 0)
        return 0;
    size = strcspn(value, "/");
    return strcmp(value + size, route->behind) == 0 && size < MWD_HTTP_VALUE_BYTES ? size : 0;
}

const char *mwd_http_path_value(const struct mwd_http_route *route,
                                const struct mwd_http_path *path, char *value)
{
    if (!route->wild)
        return NULL;
    if (!*route->behind)
        return path->tail;
    snprintf(value, MWD_HTTP_VALUE_BYTES, "%.*s", (int)middle(route, path),
             path->text + route->size);
    return value;
}

static bool fits(const struct mwd_http_route *route, const struct mwd_http_path *path)
{
    if (*route->behind)
        return middle(route, path) > 0;
    if (!route->wild)
        return strcmp(route->row->path, path->text) == 0;
    return (size_t)(path->tail - path->text) == route->size && *path->tail &&
           memcmp(route->row->path, path->text, route->size) == 0;
}

static bool is_served_by(const char *method, const struct mwd_http_route *route)
{
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    return strcmp(method, route->row->method) == 0;
}

static void add_method(char *allow, const char *method)
{
    size_t used = strlen(allow);

    snprintf(allow + used, MWD_HTTP_ALLOW_BYTES - used, "%s%s%s", used ? ", " : "", method,
             strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

static int refuse(const char *method, char *allow, struct mwd_http_problem *problem)
{
    if (!*allow)
        return mwd_http_problem(problem, 404, "there is nothing at this path");
    mwd_http_problem(problem, 405, "%.20s does not work on this path, which takes %s", method,
                     allow);
    problem->allow = allow;
    return -EPROTO;
}

/* A path in full goes before one with braces. */
int mwd_http_route_find(struct mwd_http_route *routes, uint32_t count,
                        const struct mwd_http_path *path, const char *method, char *allow,
                        struct mwd_http_route **ret, struct mwd_http_problem *problem)
{
    struct mwd_http_route *found = NULL;

    allow[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        if (routes[i].is_form || !fits(&routes[i], path))
            continue;
        add_method(allow, routes[i].row->method);
        if (!is_served_by(method, &routes[i]) || (found && routes[i].wild))
            continue;
        found = &routes[i];
        if (!found->wild)
            break;
    }
    if (!found)
        return refuse(method, allow, problem);
    *ret = found;
    return 0;
}
