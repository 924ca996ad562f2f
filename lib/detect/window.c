/* Two rings of points, each ordered by time and by value; window.h tells why that is enough. A ring
 * is doubled when it is full, and halved when three quarters of it are empty, so that a steady
 * value costs next to nothing again when the ramp before it has left the window. */
#include "detect/window.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_LEAST = 8 };

static struct mw_window_point *point_at(const struct mw_window_ends *self, uint32_t index)
{
    return &self->points[(self->first + index) % self->room];
}

static struct mw_window_point *last_of(const struct mw_window_ends *self)
{
    return self->count == 0 ? NULL : point_at(self, self->count - 1);
}

static void drop_first(struct mw_window_ends *self)
{
    self->first = (self->first + 1) % self->room;
    self->count--;
}

/* ---- room ---- */

static void free_points(struct mw_window_ends *self, struct mw_window_budget *budget)
{
    budget->used -= self->room * sizeof(*self->points);
    free(self->points);
    memset(self, 0, sizeof(*self));
}

/* Returns false when the budget, or memory, has no such room. */
static bool make_room(struct mw_window_ends *self, struct mw_window_budget *budget, uint32_t room)
{
    size_t others = budget->used - self->room * sizeof(*self->points);
    struct mw_window_point *points;

    if (others > budget->limit || room * sizeof(*points) > budget->limit - others)
        return false;
    points = malloc(room * sizeof(*points));
    if (!points)
        return false;
    for (uint32_t i = 0; i < self->count; i++)
        points[i] = *point_at(self, i);
    free(self->points);
    budget->used = others + room * sizeof(*points);
    self->points = points;
    self->first = 0;
    self->room = room;
    return true;
}

static bool grow(struct mw_window_ends *self, struct mw_window_budget *budget)
{
    uint32_t room = self->room == 0 ? ROOM_LEAST : self->room * 2;

    return make_room(self, budget, room < MW_WINDOW_POINTS ? room : MW_WINDOW_POINTS);
}

/* Where memory is so short that less of it cannot be had, it stays as large as it is. */
static void shrink(struct mw_window_ends *self, struct mw_window_budget *budget)
{
    if (self->room > ROOM_LEAST && self->count <= self->room / 4)
        (void)make_room(self, budget, self->room / 2);
}

/* ---- points ---- */

/* Those that are in no window any more. */
static void expire(struct mw_window_ends *self, struct mw_window_budget *budget, uint64_t now_ns)
{
    while (self->count > 0 && now_ns - point_at(self, 0)->ns >= MW_WINDOW_SPAN_NS)
        drop_first(self);
    shrink(self, budget);
}

static bool same_grain(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns / MW_WINDOW_GRAIN_NS == b_ns / MW_WINDOW_GRAIN_NS;
}

/* Behind the last one. Without room the oldest makes it; without any, nothing is kept. Returns
 * the time up to which values were forgotten for that, or 0. */
static uint64_t append(struct mw_window_ends *self, struct mw_window_budget *budget,
                       struct mw_window_point point)
{
    uint64_t cut_ns = 0;

    if (self->count == self->room && !grow(self, budget)) {
        budget->cut++;
        if (self->room == 0)
            return point.ns;
        cut_ns = point_at(self, 0)->ns;
        drop_first(self);
    }
    *point_at(self, self->count++) = point;
    return cut_ns;
}

/* `sign` is 1 for the least, -1 for the greatest. */
static void put(struct mw_window *self, struct mw_window_ends *ends, double sign,
                struct mw_window_budget *budget, struct mw_window_point point)
{
    struct mw_window_point *last;
    uint64_t cut_ns;

    while ((last = last_of(ends)) && sign * last->value >= sign * point.value)
        ends->count--;
    if (last && same_grain(last->ns, point.ns)) {
        last->ns = point.ns;
        return;
    }
    cut_ns = append(ends, budget, point);
    if (cut_ns > self->since_ns)
        self->since_ns = cut_ns;
}

/* ---- the record ---- */

void mw_window_deinit(struct mw_window *self, struct mw_window_budget *budget)
{
    free_points(&self->least, budget);
    free_points(&self->greatest, budget);
    memset(self, 0, sizeof(*self));
}

static void go_to(struct mw_window *self, struct mw_window_budget *budget, uint64_t ns)
{
    if (ns < self->now_ns)
        mw_window_deinit(self, budget);
    self->now_ns = ns;
    expire(&self->least, budget, ns);
    expire(&self->greatest, budget, ns);
}

void mw_window_add(struct mw_window *self, struct mw_window_budget *budget, uint64_t ns,
                   double value)
{
    go_to(self, budget, ns);
    if (!self->known)
        self->since_ns = ns;
    self->known = true;
    put(self, &self->least, 1, budget, (struct mw_window_point){ns, value});
    put(self, &self->greatest, -1, budget, (struct mw_window_point){ns, value});
}

void mw_window_gap(struct mw_window *self, struct mw_window_budget *budget, uint64_t ns)
{
    go_to(self, budget, ns);
    self->known = false;
}

/* ---- asking ---- */

/* The first point that is in the window; NULL when none is. */
static const struct mw_window_point *first_in(const struct mw_window_ends *self, uint64_t now_ns,
                                              uint64_t width_ns)
{
    uint32_t low = 0, high = self->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (now_ns - point_at(self, middle)->ns >= width_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low == self->count ? NULL : point_at(self, low);
}

bool mw_window_get(const struct mw_window *self, uint64_t width_ns, struct mw_window_extremes *ret)
{
    const struct mw_window_point *least = first_in(&self->least, self->now_ns, width_ns);
    const struct mw_window_point *greatest = first_in(&self->greatest, self->now_ns, width_ns);

    if (!least || !greatest)
        return false;
    *ret = (struct mw_window_extremes){least->value, greatest->value};
    return true;
}

bool mw_window_known(const struct mw_window *self, uint64_t *ret_ns)
{
    uint64_t known_ns = self->now_ns - self->since_ns;

    if (!self->known)
        return false;
    *ret_ns = known_ns < MW_WINDOW_SPAN_NS ? known_ns : MW_WINDOW_SPAN_NS;
    return true;
}
