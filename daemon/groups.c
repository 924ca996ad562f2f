/* Rows are sorted by where their name is stored: equal texts are stored once, those of rules too,
 * so rows of a group stand together then, and no name is read but those of groups. What is kept
 * from one update to the next are the groups shown, with copies of their names. */
#include "daemon/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct mwd_groups {
    uint64_t seq; /* of the sample */
    uint32_t limit, count, names;
    uint64_t folded;
    struct mwd_group *groups; /* [count] */
    struct sum {
        double value;
        uint32_t known;
    } * sums; /* [count][columns] */
};

struct member {
    const char *name; /* NULL: unknown */
    size_t size;
    uint32_t row;
};

/* Members of one name, neighbours. */
struct run {
    const struct member *members;
    uint32_t count;
    double weight; /* resident bytes, and more for those shown already */
};

struct column {
    const struct mw_reading_info *info;
    const union mw_value *values;
    const unsigned char *absences;
};

struct count {
    const struct mw_block *block;
    const struct mwd_groups_input *input;
    struct member *members; /* [rows], those without a name first */
    struct run *runs;       /* [rows] */
    uint32_t nameless, member_count, run_count, chosen;
    struct column columns[MW_READING_COUNT]; /* [column_count] */
    uint32_t column_count;
};

static const double stay = 1.25; /* a member weighs so much more than it is */

/* ---- life ---- */

int mwd_groups_create(struct mwd_groups **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

/* Takes NULL, and one that is not complete. */
static void free_groups(struct mwd_group *groups, uint32_t count)
{
    for (uint32_t i = 0; groups && i + 1 < count; i++)
        free((char *)groups[i].name);
    free(groups);
}

static void clear(struct mwd_groups *self)
{
    free_groups(self->groups, self->count);
    free(self->sums);
    self->groups = NULL;
    self->sums = NULL;
    self->count = self->names = 0;
}

struct mwd_groups *mwd_groups_destroy(struct mwd_groups *self)
{
    if (self)
        clear(self);
    free(self);
    return NULL;
}

/* ---- counting ---- */

static int by_place(const void *a, const void *b)
{
    const struct member *left = a, *right = b;

    return left->name == right->name ? 0 : (uintptr_t)left->name < (uintptr_t)right->name ? -1 : 1;
}

/* What the process is counted under: its group by rules, or its name. */
static struct member find_name_of(const struct count *self, const struct mw_subject *subject,
                                  uint32_t row)
{
    struct member member = {NULL, 0, row};

    if (self->input->grouping)
        member.name = mwd_grouping_name(self->input->grouping, row, subject->key, &member.size);
    else if (subject->name.absence == MW_PRESENT)
        member = (struct member){subject->name.bytes, subject->name.size, row};
    return member;
}

static bool is_rest(const struct member *member)
{
    return member->size == strlen(MWD_GROUPS_REST) &&
           memcmp(member->name, MWD_GROUPS_REST, member->size) == 0;
}

static void find_members(struct count *self)
{
    uint32_t rows = mw_block_head(self->block)->rows;
    struct mw_subject subject;

    for (uint32_t row = 0; row < rows; row++) {
        struct member member;

        if (!mw_subjects_at(self->input->subjects, self->block, row, &subject))
            continue;
        member = find_name_of(self, &subject, row);
        if (!member.name && self->input->grouping && self->input->grouped_only)
            continue;
        if (member.name && is_rest(&member))
            member = (struct member){NULL, 0, row};
        self->members[self->member_count++] = member;
        self->nameless += !member.name;
    }
    if (self->member_count > 0)
        qsort(self->members, self->member_count, sizeof *self->members, by_place);
}

/* As strcmp() with a text that no NUL ends. */
static int compare_names(const char *bytes, size_t size, const char *name)
{
    int order = strncmp(bytes, name, size);

    return order ? order : name[size] ? -1 : 0;
}

static int find_name(const void *key, const void *item)
{
    const struct member *member = key;

    return compare_names(member->name, member->size, ((const struct mwd_group *)item)->name);
}

static bool is_shown(const struct mwd_groups *self, const struct member *member)
{
    return self->count > 1 &&
           bsearch(member, self->groups, self->count - 1, sizeof *self->groups, find_name) != NULL;
}

static double weigh(const struct count *self, const struct run *run)
{
    double rss = 0;

    for (uint32_t i = 0; i < run->count; i++) {
        union mw_value value;

        if (mw_block_get(self->block, MW_PROCESS_RSS, run->members[i].row, &value) == MW_PRESENT)
            rss += (double)value.u;
    }
    return rss;
}

static void find_runs(struct count *self, const struct mwd_groups *groups)
{
    for (uint32_t i = self->nameless; i < self->member_count;) {
        struct run *run = &self->runs[self->run_count++];

        *run = (struct run){.members = &self->members[i]};
        while (i < self->member_count && self->members[i].name == run->members->name) {
            run->count++;
            i++;
        }
        run->weight = weigh(self, run);
        if (is_shown(groups, run->members))
            run->weight *= stay;
    }
}

static int compare_members(const struct member *left, const struct member *right)
{
    size_t size = left->size < right->size ? left->size : right->size;
    int order = memcmp(left->name, right->name, size);

    return order ? order : (left->size > right->size) - (left->size < right->size);
}

static int by_weight(const void *a, const void *b)
{
    const struct run *left = a, *right = b;

    if (left->weight != right->weight)
        return left->weight > right->weight ? -1 : 1;
    return compare_members(left->members, right->members);
}

static int by_name(const void *a, const void *b)
{
    return compare_members(((const struct run *)a)->members, ((const struct run *)b)->members);
}

static void choose(struct count *self, uint32_t limit)
{
    self->chosen = self->run_count < limit ? self->run_count : limit;
    if (self->run_count > 0)
        qsort(self->runs, self->run_count, sizeof *self->runs, by_weight);
    if (self->chosen > 0)
        qsort(self->runs, self->chosen, sizeof *self->runs, by_name);
}

/* ---- summing ---- */

static double number_of(const struct mw_reading_info *info, union mw_value value)
{
    return info->value == MW_VALUE_F64   ? value.f
           : info->value == MW_VALUE_I64 ? (double)value.i
                                         : (double)value.u;
}

/* Columns that are summed, looked up once for all rows. */
static void find_columns(struct count *self)
{
    enum mw_reading first = mw_source_first(MW_SOURCE_PROCESS);

    for (uint16_t i = 0; i < mw_source_columns(MW_SOURCE_PROCESS); i++) {
        enum mw_reading reading = (enum mw_reading)(first + i);

        if (mw_reading_info(reading)->metric[0])
            self->columns[self->column_count++] =
                (struct column){mw_reading_info(reading), mw_block_column(self->block, reading),
                                mw_block_absences(self->block, reading)};
    }
}

static void add_values(const struct count *self, uint32_t row, struct sum *sums)
{
    for (uint32_t i = 0; i < self->column_count; i++) {
        const struct column *column = &self->columns[i];
        struct sum *sum = &sums[column->info->column];

        if ((column->absences[row / 2] >> row % 2 * 4 & 15) != MW_PRESENT)
            continue;
        sum->value += number_of(column->info, column->values[row]);
        sum->known++;
    }
}

static void add_member(const struct count *self, const struct member *member,
                       struct mwd_group *group, struct sum *sums)
{
    struct mw_subject subject;

    group->processes++;
    if (mw_subjects_at(self->input->subjects, self->block, member->row, &subject) &&
        subject.birth_absence == MW_PRESENT && (int64_t)subject.key.birth < group->oldest_start_ms)
        group->oldest_start_ms = (int64_t)subject.key.birth;
    add_values(self, member->row, sums);
}

static void add_members(const struct count *self, const struct member *members, uint32_t count,
                        struct mwd_group *group, struct sum *sums)
{
    for (uint32_t i = 0; i < count; i++)
        add_member(self, &members[i], group, sums);
}

/* The groups that were chosen, with their names; the rest has no copy. */
static int put_names(const struct count *self, struct mwd_group *groups)
{
    for (uint32_t i = 0; i <= self->chosen; i++) {
        groups[i].oldest_start_ms = INT64_MAX;
        groups[i].name = i == self->chosen
                             ? MWD_GROUPS_REST
                             : strndup(self->runs[i].members->name, self->runs[i].members->size);
        if (!groups[i].name)
            return -ENOMEM;
    }
    return 0;
}

static void put_sums(const struct count *self, struct mwd_group *groups, struct sum *sums)
{
    size_t columns = mw_source_columns(MW_SOURCE_PROCESS);
    struct mwd_group *rest = &groups[self->chosen];
    struct sum *rest_sums = sums + columns * self->chosen;

    add_members(self, self->members, self->nameless, rest, rest_sums);
    for (uint32_t i = 0; i < self->run_count; i++) {
        const struct run *run = &self->runs[i];
        bool shown = i < self->chosen;

        add_members(self, run->members, run->count, shown ? &groups[i] : rest,
                    shown ? sums + columns * i : rest_sums);
    }
}

static int take_over(struct mwd_groups *self, const struct count *count)
{
    uint32_t shown = count->chosen + 1;
    struct mwd_group *groups = calloc(shown, sizeof *groups);
    struct sum *sums = calloc((size_t)shown * mw_source_columns(MW_SOURCE_PROCESS), sizeof *sums);

    if (!groups || !sums || put_names(count, groups) < 0) {
        free_groups(groups, shown);
        free(sums);
        return -ENOMEM;
    }
    put_sums(count, groups, sums);
    clear(self);
    self->groups = groups;
    self->sums = sums;
    self->count = shown;
    self->names = count->run_count;
    self->folded += count->run_count - count->chosen;
    return 0;
}

static int count_all(struct mwd_groups *self, struct count *count)
{
    size_t rows = mw_block_head(count->block)->rows;
    int error = -ENOMEM;

    count->members = calloc(rows + 1, sizeof *count->members);
    count->runs = calloc(rows + 1, sizeof *count->runs);
    if (count->members && count->runs) {
        mw_subjects_hold(
            count->input->subjects); /* names stay where they are until all are copied */
        find_columns(count);
        find_members(count);
        find_runs(count, self);
        choose(count, count->input->limit);
        error = take_over(self, count);
        mw_subjects_release(count->input->subjects);
    }
    free(count->members);
    free(count->runs);
    return error;
}

int mwd_groups_update(struct mwd_groups *self, const struct mwd_groups_input *input)
{
    struct count count = {.block = mw_sample_block(input->sample, MW_SOURCE_PROCESS),
                          .input = input};
    int error = 0;

    if (self->seq == mw_sample_seq(input->sample) && self->limit == input->limit && self->groups)
        return 0;
    self->seq = mw_sample_seq(input->sample);
    self->limit = input->limit;
    if (!count.block || !input->subjects || mw_sample_stale(input->sample, MW_SOURCE_PROCESS))
        clear(self);
    else
        error = count_all(self, &count);
    if (error < 0)
        clear(self);
    return error;
}

/* ---- asking ---- */

uint32_t mwd_groups_count(const struct mwd_groups *self)
{
    return self->count;
}

const struct mwd_group *mwd_groups_at(const struct mwd_groups *self, uint32_t index)
{
    return &self->groups[index];
}

bool mwd_groups_get(const struct mwd_groups *self, uint32_t index, enum mw_reading reading,
                    double *ret)
{
    const struct sum *sum = &self->sums[(size_t)mw_source_columns(MW_SOURCE_PROCESS) * index +
                                        mw_reading_info(reading)->column];

    if (!sum->known)
        return false;
    *ret = sum->value;
    return true;
}

uint32_t mwd_groups_names(const struct mwd_groups *self)
{
    return self->names;
}

uint64_t mwd_groups_folded(const struct mwd_groups *self)
{
    return self->folded;
}
