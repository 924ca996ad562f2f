"""Faults put into the heap, one at a time: the heap's own tests must see each.

A row is a file of lib/heap, a text that stands in it once, and what replaces it. A text that is not
found, or found twice, fails loudly: the row must follow the code. The heap and its tests are built
apart from the tree; for a row one file is compiled and everything linked again.

Arguments: the root of the source tree, a folder to build in, and "core" or "all" rows.
"""
import collections
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
FOLDER = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "mutations").resolve()
ALL = sys.argv[3:4] == ["all"]
del sys.argv[1:4]

FLAGS = ["-std=c11", "-O1", "-w", "-D_GNU_SOURCE", "-pthread"]
SHARED = ["fixture.c", "shadow.c", "shadow_compare.c", "shadow_snapshot.c", "snapshot_image.c", "model.c",
          "snapshot_rows.c"]
COMPUTES_S = 60  # of processor time, whatever else the machine does; none of them waits
JOBS = 2

Row = collections.namedtuple("Row", "name file text replacement tests", defaults=[("graph",)])

# What every change of the heap must still be seen by; tests that see the fault soonest stand first.
CORE = [
    Row("a store tells nobody", "layout.h",
        "        MW_HEAP_UNLIKELY(object[0] & mw_heap_front_of(self)->barrier))\n"
        "        mw_heap_barrier(self, object, index, word);",
        "        false)\n        mw_heap_barrier(self, object, index, word);"),
    Row("holders anywhere pass for young", "nursery.c",
        "    self->front.young_span = nursery->reserved;", "    self->front.young_span = UINTPTR_MAX;"),
    Row("stores of old values are not told while marking", "remembered.c",
        "    bool all = self->marker.active || self->large_young.span != 0;",
        "    bool all = self->large_young.span != 0;", ("incremental", "graph")),
    Row("a checked store tells nobody", "access.c",
        "    if (object[0] & self->front.barrier)\n"
        "        mw_heap_barrier(self, object, index, (uintptr_t)word);", ""),
    Row("a copy of references tells nobody", "access.c",
        "            mw_heap_barrier(self, target, i, target[1 + i]);", "            ;"),
    Row("the barrier does not list the holder", "remembered.c",
        "    mw_remembered_list(self, holder);\n}\n\n/* ---- scanning", "}\n\n/* ---- scanning"),
    Row("a slot is not noted", "remembered.c",
        "        mw_slot_note(mw_page_of((uintptr_t)holder), &holder[1 + index]);", "        ;"),
    Row("a noted slot is forgotten while it leads to a young object", "remembered.c",
        "    if (scan_range(self, holder, slot, slot + 1))\n        return true;",
        "    bool young = scan_range(self, holder, slot, slot + 1);\n    if (young)\n"
        "        page->slots[word / 64] &= ~((uint64_t)1 << word % 64);\n"
        "    if (young)\n        return true;"),
    Row("a promoted record is not remembered", "scavenge.c",
        "        young |= *slot - self->to < self->from_size;\n", ""),
    Row("a promoted holder's slot is not noted", "scavenge.c",
        "            mw_slot_note(self->holder_page, slot);", "            ;"),
    Row("a scavenge passes handles by", "scavenge.c",
        "    visit_handles(self);\n", ""),
    Row("a scavenge passes globals by", "scavenge.c",
        "    visit_globals(self);\n", ""),
    Row("a scavenge passes remembered holders by", "scavenge.c",
        "    mw_remembered_scan(self, visit_root, &scavenge);\n", ""),
    Row("marking passes the last handle by", "mark.c",
        "slot < self->front.handle_top; slot++)\n        mark_root",
        "slot + 1 < self->front.handle_top; slot++)\n        mark_root"),
    Row("marking passes globals by", "mark.c",
        "        mark_root(self, &global->value);", "        ;"),
    Row("a weak global stands among those that are marked", "globals.c",
        "global->weak ? globals->first_weak : globals->first", "globals->first"),
    Row("a copy leaves no address", "scavenge.c",
        "    copy[0] = header | MW_FLAG_AGED;\n    leave_address(object, copy);",
        "    copy[0] = header | MW_FLAG_AGED;"),
    Row("a slot is not set to the new address", "scavenge.c",
        "    if (*slot - self->from < self->from_size)\n"
        "        *slot = evacuate(self, (uintptr_t *)*slot);",
        "    if (*slot - self->from < self->from_size)\n"
        "        evacuate(self, (uintptr_t *)*slot);"),
    Row("nothing ages", "scavenge.c",
        "    copy[0] = header | MW_FLAG_AGED;", "    copy[0] = header;", ("objects", "graph")),
    Row("what is promoted is aged still", "scavenge.c",
        "    header = (header & ~(uint64_t)MW_FLAG_AGED) | MW_FLAG_OLD;",
        "    header = header | MW_FLAG_OLD;"),
    Row("dead weak references stay", "collect.c",
        "    mw_weak_clear(self);\n", ""),
    Row("memory outside is not released", "collect.c",
        "    mw_external_clear(self);\n", "", ("objects", "graph")),
    Row("an object's last word has no mark", "mark.c",
        "        mw_mark_set_bit(page, mw_page_word(page, object) + mw_header_words(header) - 1);",
        "        ;"),
    Row("the limit is not looked at", "heap.c",
        "    return held <= bound && bytes <= bound - held;", "    return true;",
        ("limit", "graph")),
    Row("a scavenge does not follow what was promoted", "scavenge.c",
        "    mw_visit_object(heap->types.shapes, object, object[0], visit_promoted_slot, self);\n", ""),
    Row("what is promoted while marking is white", "scavenge.c",
        "    if (self->marking)\n        mw_mark_black((uintptr_t)copy, bytes);\n", "",
        ("incremental", "graph")),
    Row("sliding passes handles by", "compact.c",
        "slot < self->front.handle_top; slot++)\n        update_slot(self, slot);",
        "slot < self->handles; slot++)\n        update_slot(self, slot);", ("compact", "graph")),
    Row("sliding does not change moved references", "compact.c",
        "    update_moved(self, index);\n}", "}", ("compact", "graph")),
    Row("sliding leaves marks where they were", "compact.c",
        "    each_used_page(self, move_marks);\n", "", ("compact", "graph")),
    Row("a store while marking greys nothing", "remembered.c",
        "        if (self->marker.active)\n            mw_mark_object(self, value);", "        ;",
        ("incremental", "graph")),
]

MORE = [
    Row("a guarded heap is open", "guard.c",
        "    close_large(self->large.first);\n"
        "    close_large(self->large_young.objects.first);\n"
        "    protect_pages(self, PROT_NONE);\n", "", ("death",)),
    Row("a snapshot looks into a guarded heap", "snapshot.c",
        "    MW_GUARD(self->heap);\n", "", ("graph",)),
    Row("an array's second piece is not marked", "mark.c",
        "    if (stop < end) {", "    if (false) {"),
    Row("marked old holders of young objects are passed by", "collect.c",
        "    mw_mark_from_remembered(self);\n", "", ("incremental", "limit", "graph")),
    Row("dead holders stay remembered", "collect.c",
        "    mw_remembered_prune(self);\n", "", ("limit", "graph")),
    Row("dead young objects keep their references", "collect.c",
        "    mw_nursery_bury(self);\n", "", ("limit", "graph")),
    Row("the hole being filled is lost at a sweep", "collect.c",
        "    mw_old_retire(self);\n    (collector", "    (collector"),
    Row("an object born old is not watched", "allocate.c",
        "    object[0] = header | MW_FLAG_OLD | MW_FLAG_WATCHED;", "    object[0] = header | MW_FLAG_OLD;"),
    Row("a sweep forgets what reaches into the next word", "sweep.c",
        "        inside = parity >> 63 ? ~(uint64_t)0 : 0;\n", ""),
    Row("large objects are never freed", "sweep.c",
        "    mw_large_sweep(self);\n", "", ("limit", "graph")),
    Row("large objects are freed alive", "large.c",
        "        if (page->live == 0) {", "        if (page->live != 0) {"),
    Row("a scavenge forgets memory outside", "scavenge.c",
        "    mw_external_scavenged(self, scavenge.from, scavenge.from_size);\n", ""),
    Row("a global that became young is not listed", "globals.c",
        "        set_value(self, global, (uintptr_t)object);",
        "        global->value = (uintptr_t)object;"),
    Row("a scavenge passes large young objects by", "scavenge.c",
        "        reach_large(self, (uintptr_t *)*slot);", "        ;", ("young", "graph")),
    Row("large young objects are promoted at once", "scavenge.c",
        "    if (object[0] & MW_FLAG_AGED || self->promote_large) {", "    if (true) {", ("young",)),
    Row("a holder of a large young object is not remembered", "scavenge.c",
        " || mw_is_young_large(self->heap, *slot)", "", ("young", "graph")),
    Row("a large object's slot set is looked for beside it", "scavenge.c",
        "            mw_slot_note(self->holder_page, slot);",
        "            mw_slot_note(mw_page_of((uintptr_t)slot), slot);", ("young",)),
    Row("what was noted is believed to be a reference", "remembered.c",
        "    if (scan_range(self, holder, slot, slot + 1))",
        "    self->young = false;\n    scan_slot(self, slot);\n    if (self->young)", ("limit",)),
    Row("promoted records are plain beside large young objects", "scavenge.c",
        "    bool plain = !self->marking && self->large_span == 0;",
        "    bool plain = !self->marking;", ("young", "graph")),
    Row("promoted records are plain while marking goes on", "scavenge.c",
        "    bool plain = !self->marking && self->large_span == 0;",
        "    bool plain = self->large_span == 0;", ("incremental", "graph")),
    Row("objects of both lanes share pages", "types.c",
        "    return shape->kind == MW_SHAPE_LEAF ? MW_LANE_LEAVES : MW_LANE_HOLDERS;",
        "    return MW_LANE_HOLDERS;", ("pool",)),
    Row("the other lane's holes are not lent", "old_space.c",
        "            return borrow(self, name, bytes);", "            return false;", ("pool",)),
    Row("a lent hole is not taken back", "old_space.c",
        "    return open_span(self, lane, take_span(lane, bytes)) ||\n"
        "           open_span(self, lane, take_span(other, bytes));",
        "    return open_span(self, lane, take_span(other, bytes));", ("pool",)),
    Row("a walk knows one hole that is being filled", "old_space.c",
        "    for (unsigned i = 0; i < MW_LANES; i++)\n        if (at == ",
        "    for (unsigned i = 0; i < 1; i++)\n        if (at == ", ("pool", "graph")),
    Row("an array is allocated over a raw pointer", "allocate.c",
        "< self->front.handle_end && self->front.raw_depth == 0;", "< self->front.handle_end;",
        ("misuse",)),
    Row("another thread allocates an array", "allocate.c",
        "has_handle(self) && pthread_equal(self->owner, pthread_self());", "has_handle(self);",
        ("misuse",)),
    Row("slices mark large young objects", "large.c",
        "        mw_mark_set_bit(page, mw_page_word(page, (uintptr_t)object_of(page)));\n", "",
        ("incremental",)),
    Row("a promoted large object is marked already", "large.c",
        "    memset(page->marks, 0, sizeof(page->marks));\n", "", ("incremental",)),
    Row("what hangs on a dead large object stays", "heap_internal.h",
        "        return mw_large_is_lost(header) ? 0 : object;", "        return object;", ("young",)),
    Row("elements are looked for where a part begins", "object_internal.h",
        "    element = first - (size_t)((const uintptr_t *)first - (object + 1)) % shape->words;",
        "    element = first;", ("young",)),
    Row("what dies after it was born old stays so", "survival.c",
        "    lifetime->strikes += lifetime->strikes < STRIKES_MAX;\n"
        "    set_pretenured(self, entry, false);\n", "",
        ("survival",)),
    Row("a review waits for full collections", "survival.c",
        "    judge_reviews(self);\n}", "}", ("survival",)),
    Row("a review knows what it will find", "survival.c",
        "set_pretenured(self, entry, judge_samples(&entry->lifetime));",
        "set_pretenured(self, entry, judge_samples(&entry->lifetime) || true);", ("survival",)),
    Row("a review goes on for good", "survival.c",
        "        end_review(self, entry);\n        if (!entry->pretenured)", "        if (!entry->pretenured)",
        ("survival",)),
    Row("shared objects are counted as one place's own", "reach.c",
        "    if (is_in(self, MW_REACH_BEFORE, *slot))", "    if (false)", ("sites",)),
    Row("the last weak global destroyed leaves a gap", "globals.c",
        "    last->weak_at = global->weak_at;\n", ""),
    Row("a weak global is not among those that are cleared", "globals.c",
        "        put_in_weak(&self->globals, global);", "        global->weak_at = 0;"),
    Row("the last global destroyed leaves a gap", "globals.c",
        "        last->young_at = global->young_at;\n", ""),
    Row("a scope's handles stay", "handles.c",
        "        self->front.handle_top = record->base;\n", "", ("misuse", "objects", "graph")),
    Row("a stale handle is obeyed", "handles.c",
        "           self->tags[slot - self->handles] == ref.bits >> TAG_SHIFT;", "           true;",
        ("misuse",)),
    Row("a refused half is locked away", "nursery.c",
        "    if (next == nursery->to ||\n        mw_vm_commit", "    if (mw_vm_commit",
        ("limit", "graph")),
    Row("young memory is not zero", "nursery.c",
        "    memset(start, 0, bytes);\n", "", ("objects", "graph")),
    Row("a filler has the wrong size", "object_internal.h",
        "mw_header_make(MW_TYPE_FILLER, bytes);", "mw_header_make(MW_TYPE_FILLER, bytes + 8);"),
    Row("the last reference of an array is not seen", "object_internal.h",
        "        mw_visit_range(words, end, visit, context);",
        "        mw_visit_range(words, end - 1, visit, context);"),
    Row("references of long records are not seen", "object_internal.h",
        "            visit(context, &words[shape->list[i]]);", "            ;"),
    Row("references of arrays of records are not seen", "object_internal.h",
        "            mw_visit_map(words, shape->map, visit, context);\n        break;",
        "            ;\n        break;"),
    Row("a callback of a type is not asked", "object_internal.h",
        "        shape->trace(&visitor, (uint64_t *)words);\n", ""),
    Row("a raw pointer over an allocation is not seen", "allocate.c",
        "    else if (self->front.raw_depth > 0)\n", "    else if (false)\n", ("misuse",)),
    Row("the callback near the limit is not asked", "allocate.c",
        "        return ask_for_more(self);", "        return false;", ("limit",)),
    Row("weak globals do not follow objects that slide", "compact.c",
        "        update_slot(self, &global->value);",
        "        if (!global->weak)\n            update_slot(self, &global->value);",
        ("compact", "graph")),
    Row("the remembered set does not follow objects that slide", "compact.c",
        "        update_slot(self, entry);", "        ;", ("compact",)),
    Row("young objects do not follow those that slide", "compact.c",
        "    update_young(self);\n", "", ("compact",)),
    Row("large objects do not follow those that slide", "compact.c",
        "    update_large(self);\n", "", ("compact", "graph")),
    Row("slot sets do not follow arrays that slide", "compact.c",
        "    note_slots(self);\n", "", ("compact",)),
    Row("memory outside does not follow objects that slide", "compact.c",
        "    mw_external_slid(self);\n", "", ("compact", "graph")),
    Row("identities do not follow objects that slide", "compact.c",
        "    move_identities(self);\n", "", ("compact",)),
    Row("sliding leaves no hole behind", "compact.c",
        "    mw_sweep_add_hole(self, page, end, MW_PAGE_WORDS);",
        "    mw_filler_write((char *)page + end * MW_WORD, (MW_PAGE_WORDS - end) * MW_WORD);",
        ("compact",)),
    Row("nothing is slid at the limit", "allocate.c",
        "        slide_if_it_helps(self, request);\n", "", ("compact",)),
    Row("pooled pages do not make way", "page_pool.c",
        "        mw_pool_trim(self, pooled - (needed - bound));", "        ;", ("compact",)),
    Row("groups of pages go over the limit", "page_pool.c",
        " || !mw_heap_may_grow(self, MW_VM_HUGE))", ")", ("pool", "limit")),
    Row("marking's stack is not brought in", "allocate.c",
        " && !mw_mark_prepare(self))\n", ")\n", ("pool",)),
    Row("the remembered set is not prepared", "allocate.c",
        "        mw_remembered_prepare(self);\n", "        ;\n", ("pool",)),
    Row("a group counts as a page", "page_pool.c",
        "    self->pool.pooled += count;", "    self->pool.pooled++;", ("pool",)),
    Row("a group that is refused is the end", "page_pool.c",
        "    if (add_group(self))\n        return true;", "    if (mw_policy_group(pool->used + pool->pooled))\n"
        "        return add_group(self);", ("pool", "limit")),
    Row("easing takes groups to pieces", "page_pool.c",
        "    give_back_singles(self, keep, false);\n}", "    give_back_singles(self, keep, true);\n}",
        ("pool",)),
    Row("mappings that are kept do not make way", "page_pool.c",
        "        if (!mw_large_let_go(self))\n            return false;\n    if",
        "            return false;\n    if", ("limit",)),
    Row("a mapping that was kept is not zeroed", "large.c",
        "            memset(page, 0, size);", "            memset(page, 0, sizeof(*page));", ("young", "objects")),
    Row("large young objects are not told of", "remembered.c",
        "    bool all = self->marker.active || self->large_young.span != 0;",
        "    bool all = self->marker.active;", ("young",)),
    Row("what a promoted object refers to stays white", "scavenge.c",
        "    if (MW_HEAP_UNLIKELY(self->greying))\n        mw_mark_object(self->heap, *slot);\n", ""),
    Row("a large object promoted while marking stays white", "scavenge.c",
        "    if (self->marking && !self->greying)\n        mw_mark_object(heap, (uintptr_t)object);\n", "",
        ("incremental",)),
    Row("young memory outside is not let go", "external.c",
        "    release_of(self, &self->externals.young, (uintptr_t)object);\n", ""),
    Row("old memory outside is not let go", "external.c",
        "    release_of(self, &self->externals.old, (uintptr_t)object);\n", ""),
    Row("all memory outside is let go", "external.c",
        "        if (entry->object != object) {", "        if (false) {"),
    Row("memory outside that was let go still counts", "external.c",
        "        self->external -= entry->bytes;\n", ""),
    Row("the verifier does not sum objects up", "verify.c",
        "self->used == mw_heap_used(self->heap)", "true", ("verify",)),
    Row("the verifier does not sum pages up", "verify.c",
        "page_used(heap) == heap->old.used", "true", ("verify",)),
    Row("the verifier does not look at marks", "verify.c",
        "        check_all_marks(self);\n", "", ("verify",)),
    Row("the verifier believes an object's last mark", "verify.c",
        "first + mw_header_words(*(uint64_t *)object) - 1 == last", "true", ("verify",)),
    Row("the verifier does not look at flags", "verify.c",
        "!(header & never)", "true", ("verify",)),
    Row("the verifier does not look at sizes", "verify.c",
        "require(self, size_fits_type(self, header),", "require(self, true,", ("verify",)),
    Row("the verifier does not follow references", "verify.c",
        'is_object(self, *slot), "a reference', 'true, "a reference', ("verify",)),
    Row("the verifier does not look into slot sets", "verify.c",
        "!self->by_slots || mw_slot_is_noted(", "true || mw_slot_is_noted(", ("verify",)),
    Row("the verifier does not ask who is remembered", "verify.c",
        "!self->young_inside || listed", "true", ("verify",)),
    Row("the verifier does not count remembered objects", "verify.c",
        "(size_t)(set->top - set->base) == self->listed", "true", ("verify",)),
    Row("the verifier finds a remembered object twice", "verify.c",
        "    *header &= ~(uint64_t)MW_FLAG_LISTED;\n", "", ("verify",)),
    Row("the verifier does not look at handles", "verify.c",
        'is_object(self, *slot), "a handle', 'true, "a handle', ("verify",)),
    Row("the verifier does not look at globals", "verify.c",
        "        check_global(self, global);", "        ;", ("verify",)),
    Row("the verifier believes a global's place", "verify.c",
        "self->young[global->young_at - 1] == global", "true", ("verify",)),
    Row("the verifier does not look at holes", "verify.c",
        "    mw_walk_fillers(self->heap, check_hole, self);\n", "", ("verify",)),
    Row("the verifier does not look at small holes", "verify.c",
        "bytes < MW_SPAN_MIN ? MW_WORD", "bytes < MW_SPAN_MIN ? bytes", ("verify",)),
    Row("the verifier does not look at the other half", "verify.c",
        "    check_free(self, to, to + nursery->capacity);\n", "", ("verify",)),
    Row("the verifier keeps what it found to itself", "verify.c",
        '        mw_misuse(self, MW_MISUSE_DAMAGE, fault, "");', "        ;", ("verify",)),
    Row("zeroed memory given up is not overwritten", "nursery.c",
        "    make_free(self, self->front.top, (size_t)(self->front.limit - self->front.top));\n", "",
        ("poison",)),
    Row("what a half grows by is not overwritten", "nursery.c",
        "    make_free(self, piece, bytes);\n", "", ("poison",)),
    Row("the next half is not overwritten", "nursery.c",
        "    make_free(self, mw_nursery_half(nursery, next), nursery->capacity);\n", "",
        ("poison",)),
    Row("a new half is not overwritten", "nursery.c",
        "    make_free(self, mw_nursery_half(nursery, 1), nursery->capacity);\n", "", ("poison",)),
    Row("pages of the pool are not overwritten", "page_pool.c",
        "    mw_poison(self, start, count * MW_PAGE_SIZE);\n", "", ("poison",)),
    Row("pages of the pool are not looked at", "verify.c",
        "        if (pool->roles[i] == MW_ROLE_POOLED)\n", "        if (false)\n", ("poison",)),
    Row("holes that a sweep finds are not overwritten", "sweep.c",
        "    mw_poison(self, start, bytes);\n", "", ("verify",)),
    Row("three slow scavenges are enough to shrink", "nursery.c",
        "    self->usual_ns = (7 * self->usual_ns + (cpu_ns < 2 * most ? cpu_ns : 2 * most)) / 8;",
        "    self->usual_ns = (3 * self->usual_ns + (cpu_ns < 2 * most ? cpu_ns : 2 * most)) / 4;",
        ("halves",)),
    Row("nothing looks like too many handles", "layout.h",
        "    mw_heap_front_of(self)->error = 0;\n", "", ("misuse",)),
    Row("memory outside brings no collection", "external.c",
        "        mw_nursery_retire(self);\n", "", ("objects",)),
    Row("what can never fit drops what the program has", "allocate.c",
        "    if (can_never_fit(self, request))\n        return mw_handle_fail(self, -ENOMEM);\n", "",
        ("limit",)),
    Row("locked memory is not given back", "vm.c",
        "madvise(start, bytes, MADV_DONTNEED_LOCKED) == 0 ||\n"
        "        madvise(start, bytes, MADV_DONTNEED) == 0)\n        return;",
        "madvise(start, bytes, MADV_DONTNEED) != 0)\n        return;", ("vm",)),
    Row("all that is born old are witnesses", "survival.c",
        "    witnesses->skipped = ((uint64_t)WITNESS_EVERY << witnesses->thinned) - 1;\n", "",
        ("survival",)),
    Row("witnesses are not thinned for what comes", "survival.c",
        "        witnesses->thinned++;\n", "", ("survival",)),
    Row("the first half of the witnesses stays", "survival.c",
        "witnesses->at[(size_t)2 * i]", "witnesses->at[i]", ("survival",)),
    Row("births need not wait for marking", "allocate.c",
        " || mw_incremental_is_due(self) ||", " ||", ("incremental",)),
    Row("what is born old owes no marking", "allocate.c",
        "    mw_incremental_owe(self, (size_t)(lane->zeroed - from));\n", "", ("incremental",)),
    Row("what is left of a hole is not zeroed", "allocate.c",
        "    memset(from, 0, (size_t)(lane->zeroed - from));\n", "", ("survival", "objects", "graph")),
    Row("zeroes that were used meanwhile are used again", "allocate.c",
        "return (ptrdiff_t)bytes <= lane->zeroed - lane->top;",
        "return bytes <= (size_t)(lane->zeroed - lane->top);", ("survival", "graph")),
    Row("the next hole is taken for zeroed", "old_space.c",
        "    lane->top = lane->limit = lane->zeroed = NULL;", "    lane->top = lane->limit = NULL;",
        ("survival", "objects", "graph")),
    Row("a large object is born in a page", "allocate.c",
        " || bytes > MW_LARGE_MIN ||", " ||", ("young",)),
    Row("what is to be old may not be young at the limit", "allocate.c",
        "    mw_survival_revoke(self, request->type);\n    return try_young(self, request);",
        "    return NULL;", ("survival",)),
    Row("what was allocated after a snapshot was prepared is not noticed", "snapshot.c",
        " || self->used != mw_heap_used(heap);", ";", ("snapshot",)),
    Row("all of a half is expected to survive", "policy.c",
        "2 * least(moved, capacity)", "2 * capacity", ("policy",)),
    Row("halves are filled however slow a scavenge is", "policy.c",
        "        fill_less(self, last);", "        ;", ("policy", "halves")),
    Row("less is filled for good", "policy.c",
        "    self->bytes = least(2 * self->bytes, capacity);\n", "", ("policy", "halves")),
    Row("less is filled though it does not help", "policy.c",
        "           is_most_of(last->ns, self->tried_ns);", "           false;", ("policy",)),
    Row("less is tried again at once", "policy.c",
        "        self->hold = FILL_HOLD;\n", "", ("policy",)),
    Row("less is filled when little survives", "policy.c",
        "    return last->copied > last->bytes / 2 && last", "    return last", ("policy",)),
    Row("less is filled when roots take the time", "policy.c",
        " && last->roots_ns < last->ns / 2;", ";", ("policy",)),
    Row("a crowded half is filled a little at a time", "nursery.c",
        "nursery->crowded ? most : half + nursery->fill.bytes", "half + nursery->fill.bytes",
        ("halves", "limit")),
    Row("whatever survives makes a half crowded", "nursery.c",
        "    nursery->crowded = refused && (size_t)", "    nursery->crowded = (size_t)", ("halves",)),
    Row("there may be no room for an object that is not large", "nursery.c",
        "        end = nursery->start + MW_LARGE_MIN;", "        ;", ("halves",)),
    Row("the quarter is one of the whole half", "scavenge.c",
        "nursery->fill.bytes / QUARTER", "nursery->capacity / QUARTER", ("halves",)),
    Row("large objects count as copied", "scavenge.c",
        "        self->promoted_large += bytes;", "        self->promoted += bytes;", ("young",)),
    Row("what is born old does not look at external bytes", "external.c",
        "        mw_old_forget_zeroes(&self->old);\n", "", ("survival",)),
    Row("arrays are born as records", "allocate.c",
        " && mw_type_is_record(entry))", ")", ("survival",)),
    Row("what is born old is born while raw pointers are held", "allocate.c",
        " && self->front.raw_depth == 0;", ";", ("survival",)),
    Row("what is due waits for the next piece of young memory", "nursery.c",
        "    self->front.limit = self->nursery.lent = self->front.top;",
        "    self->front.limit = self->front.top;", ("objects",)),
    Row("a lower limit leaves the pool as it is", "limit.c",
        "    mw_pool_make_way(self, 0);\n", "", ("limit", "graph")),
    Row("a lower limit is refused because of holes", "limit.c",
        "        mw_collect_compact(self, \"new limit\");", "        ;", ("limit",)),
    Row("a snapshot names all fields as the first one", "snapshot_edges.c",
        "    uint64_t name = self->name++;", "    uint64_t name = self->name;"),
    Row("a snapshot counts elements from one", "snapshot_edges.c",
        "(uint64_t)(slot - self->words), node", "(uint64_t)(slot - self->words) + 1, node"),
    Row("a snapshot's weak edges hold", "snapshot_edges.c",
        "            put_edge(self, MW_EDGE_WEAK, MW_STRING_WEAK,",
        "            put_edge(self, MW_EDGE_INTERNAL, MW_STRING_WEAK,"),
    Row("ranks of young objects begin at nought", "snapshot_rank.c",
        "    return self->old + self->large + self->young_before", "    return self->young_before"),
    Row("a snapshot gives what is outside to another object", "snapshot.c",
        "    mw_external_sort(self->heap, rank_of, self);\n", ""),
    Row("ranks forget what stands before in the page", "snapshot_rank.c",
        "    for (size_t i = rank * MARK_WORDS_PER_RANK; i < word / 64; i++)\n"
        "        marks += mw_popcount(page->marks[i]);\n", ""),
    Row("a quote ends a text", "snapshot_out.c",
        "    if (byte < ' ' || byte == '\"' || byte == '\\\\')", "    if (byte < ' ' || byte == '\\\\')"),
    Row("a control character is written wrongly", "snapshot_out.c",
        "    ret[5] = hex[byte & 15];", "    ret[5] = hex[byte & 7];"),
    Row("what is no UTF-8 is left out", "snapshot_out.c",
        "        return sizeof(replacement) - 1;", "        return 0;"),
    Row("a text is cut inside a character", "snapshot_strings.c",
        "            return at;\n", "            break;\n"),
    Row("a text is not cut", "snapshot_strings.c",
        "    if (size <= end)\n", "    if (size <= 2 * end)\n"),
    Row("texts are bytes to a snapshot", "snapshot_nodes.c",
        "    return entry->text ? MW_NODE_STRING : types[entry->kind];", "    return types[entry->kind];"),
    Row("an object born at a dead one's place has its id", "identity.c",
        "    return object[0] & MW_FLAG_NUMBERED && !self->pass.forget;", "    return !self->pass.forget;"),
    Row("an id comes back", "identity.c",
        "    self->identity.next += STEP * (uint32_t)count;", ""),
    Row("a young object has another id in each snapshot", "identity.c",
        "        entry.object = mw_scavenged_place(from, size, entry.object);", "        entry.object = 0;"),
    Row("what died while slices marked is in the snapshot", "snapshot.c",
        "    mw_collect_mark(heap, \"heap snapshot\");\n    heap->copy = false;", "    heap->copy = false;"),
    Row("a child releases what is its parent's", "collect.c",
        "    if (!self->copy)\n        mw_external_release(self);", "    mw_external_release(self);"),
    Row("a snapshot's slices begin with pages that are not swept", "incremental.c",
        "    if (!mw_sweep_next(self) && !mw_pool_touch(self))\n        begin(self);", "    begin(self);"),
    Row("a snapshot that was begun forgets young objects", "snapshot.c",
        "    mw_each_young(heap, number_young, heap);\n", ""),
    Row("a child tells ids anew", "snapshot.c",
        "!number_all(self, false))", "!number_all(self, true))"),
    Row("what escapes from a refused scope is lost", "handles.c",
        "        return ref; /* the scope was refused", "        return mw_ref_none(); /* it was refused",
        ("misuse",)),
    Row("a scope comes back after one around it was closed", "layout.h",
        "    if (MW_HEAP_UNLIKELY(record >= mw_heap_front_of(heap)->scope_top ||\n"
        "                         mw_heap_front_of(heap)->checked)) {",
        "    if (MW_HEAP_UNLIKELY(mw_heap_front_of(heap)->checked)) {", ("misuse",)),
    Row("callbacks may allocate", "allocate.c",
        "    if (self->collecting)\n", "    if (false)\n", ("misuse",)),
    Row("the reserve stays closed", "allocate.c",
        "    self->reserve_open = true;", "    self->reserve_open = false;", ("limit",)),
    Row("the near-limit callback is called from within itself", "allocate.c",
        "    if (self->config.near_limit == NULL || self->reserve_open)",
        "    if (self->config.near_limit == NULL)", ("limit",)),
    Row("a raw region too many is left", "guard.c",
        "    if (self->front.raw_depth == 0) {", "    if (false) {", ("misuse",)),
    Row("a snapshot's tables are as large as the half is now", "snapshot_rank.c",
        "    mw_vm_unmap(self->young_starts, self->young_words * sizeof(uint64_t));",
        "    mw_vm_unmap(self->young_starts, heap->nursery.capacity / MW_WORD / 64 * sizeof(uint64_t));",
        ("snapshot",)),
    Row("what could not be refined passes for refined", "snapshot.c",
        "    self->rough = error < 0; /*", "    self->rough = false; /*", ("snapshot",)),
    Row("a snapshot is refined while raw pointers are held", "snapshot.c",
        "    int error = may_begin(heap);\n\n    if (error < 0)\n        return error;\n    heap->copy",
        "    int error;\n\n    heap->copy", ("snapshot",)),
    Row("grown halves stay while the limit comes near", "nursery.c",
        "(is_slow(self) || is_short_of_room(self))", "is_slow(self)", ("limit",)),
    Row("grown halves stay at the limit", "allocate.c",
        "        mw_nursery_make_way(self);\n", "", ("limit",)),
    Row("grown halves do not make way for a lower limit", "limit.c",
        "        mw_nursery_make_way(self);", "        ;", ("limit",)),
    Row("large objects are always rounded up", "large.c",
        "        size = mw_large_least(bytes, leaf);", "        return NULL;", ("limit",)),
    Row("looks ahead of a snapshot have no end", "incremental.c",
        "    if (self->marker.marking.looks == LOOKS_MAX)", "    if (false)", ("incremental",)),
    Row("what is born old is rest", "nursery.c",
        " + self->counters.allocated_old;", ";", ("halves",)),
    Row("idle time copies what cannot leave", "nursery.c",
        " && may_empty(self))", ")", ("halves",)),
    Row("a half with a rest that nothing fits into is not full", "nursery.c",
        "    if (!moved->full)", "    if (moved->filled < nursery->fill.bytes - nursery->fill.bytes / 4)",
        ("halves",)),
    Row("halves grow whatever scavenges take", "nursery.c",
        "           (most_ns(self) == 0 || nursery->usual_ns <= most_ns(self) / 2) &&\n", "", ("halves",)),
    Row("the kernel is asked for each object that is promoted", "page_pool.c",
        "    if (self->collecting && self->pool.shut)", "    if (false)", ("limit",)),
    Row("external bytes wrap", "policy.c",
        "    return external < SIZE_MAX - more ? external + more : SIZE_MAX;",
        "    return external + more;", ("policy",)),
]

ROWS = CORE + (MORE if ALL else [])


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


def must(command):
    done = run(command, timeout=1200)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stderr[-3000:]}")


def compile_file(lib, source, target):
    must(["gcc", *FLAGS, "-I", lib, "-I", ROOT, "-c", source, "-o", target])


def tests_of_the_heap():
    """The cmocka programs, by the word that rows use."""
    names = [path.stem for path in (ROOT / "tests/lib/heap").glob("test_*.c")]
    return sorted(name.removeprefix("test_") for name in names)


class Build:
    """Objects of the heap as it is, and of its tests."""

    def __init__(self, folder):
        self.folder = folder
        self.tests = ROOT / "tests/lib/heap"
        self.lib = ROOT / "lib"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.words = sorted({word for row in ROWS for word in row.tests})
        sources = [*self.lib.glob("heap/*.c"), *self.lib.glob("base/*.c"),
                   *(self.tests / name for name in SHARED),
                   *(self.tests / f"test_{word}.c" for word in self.words)]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda source: compile_file(self.lib, source, self.object(source)),
                          sources))

    def object(self, source):
        return self.folder / f"{source.parent.name}-{source.stem}.o"

    def parts(self):
        return {path.name: path for path in self.folder.glob("*.o")
                if not path.name.startswith("heap-test_")}

    def link(self, word, objects, program):
        """`objects` by their names; those of tests stand in for the build's own."""
        name = f"heap-test_{word}.o"
        test = objects.get(name, self.folder / name)
        parts = [path for of, path in objects.items() if not of.startswith("heap-test_")]
        must(["gcc", "-pthread", "-o", program, test, *parts, "-lcmocka"])


def mutated(build, row):
    """A copy of lib with the fault."""
    folder = build.folder / row.name.replace(" ", "-").replace("'", "")
    shutil.copytree(build.lib, folder / "lib", ignore=shutil.ignore_patterns("sample", "collect",
                                                                           "subject", "doctor"))
    changed = folder / "lib/heap" / row.file
    text = changed.read_text()
    if text.count(row.text) != 1:
        raise AssertionError(f"{row.name}: its text stands {text.count(row.text)} times in "
                             f"{row.file}; the row must follow the code")
    changed.write_text(text.replace(row.text, row.replacement))
    return folder


def compile_fault(build, row, folder):
    """A header changes every file that includes it, the tests too."""
    objects = build.parts()
    sources = [folder / "lib/heap" / row.file]
    if row.file.endswith(".h"):
        sources = [*(folder / "lib/heap").glob("*.c"), *(build.tests / name for name in SHARED),
                   *(build.tests / f"test_{word}.c" for word in row.tests)]
    for source in sources:
        target = folder / f"{source.parent.name}-{source.stem}.o"
        compile_file(folder / "lib", source, target)
        objects[target.name] = target
    return objects


def run_test(program):
    """A fault may well make a loop without an end."""
    return run(["prlimit", f"--cpu={COMPUTES_S}", program])


def is_seen(build, row):
    folder = mutated(build, row)
    objects = compile_fault(build, row, folder)
    for word in row.tests:
        program = folder / f"test_{word}"
        build.link(word, objects, program)
        if run_test(program).returncode != 0:
            shutil.rmtree(folder)
            return True
    return False


class Mutations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = Build(FOLDER)

    def test_without_a_fault_the_tests_pass(self):
        for word in self.build.words:
            with self.subTest(test=word):
                program = self.build.folder / f"control_{word}"
                self.build.link(word, self.build.parts(), program)
                done = run_test(program)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_fault_is_seen(self):
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            seen = list(pool.map(lambda row: is_seen(self.build, row), ROWS))
        self.assertEqual([row.name for row, good in zip(ROWS, seen) if not good], [])

    def test_rows_name_tests_that_exist(self):
        self.assertLessEqual({word for row in CORE + MORE for word in row.tests},
                             set(tests_of_the_heap()))

    def test_a_row_that_the_code_left_behind_fails(self):
        row = Row("a text of nowhere", "heap.c", "no such text stands here", "")
        with self.assertRaises(AssertionError):
            is_seen(self.build, row)


if __name__ == "__main__":
    unittest.main()
