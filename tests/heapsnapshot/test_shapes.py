"""Heap snapshots of known shapes: each file is right in every respect, and says what was built."""

import unittest

from shape import COUNTS, Shape
from support.heapsnapshot import faults

TREE = 32  # bytes of a labelled node: header, left, right, label


def text_bytes(length):
    return 8 + max(8, (length + 7) // 8 * 8)


def shape_of(name):
    with Shape(name) as shape:
        return list(shape.snapshots()), shape.facts


def by_label(snapshot):
    """Ids of texts, and of the nodes that hold them, by what the texts say."""
    ids = {}
    for node in snapshot.nodes:
        for edge in node.edges:
            if edge.name == "label":
                text = snapshot.nodes[edge.to]
                ids[text.name] = (text.id, node.id)
    return ids


class Every(unittest.TestCase):
    def test_every_file_is_without_fault(self):
        for name in COUNTS:
            with self.subTest(name):
                snapshots, facts = shape_of(name)
                self.assertEqual(len(snapshots), len(facts))
                for snapshot, fact in zip(snapshots, facts):
                    # Inside the callback the heap goes on afterwards; what it says is of then.
                    self.assertEqual(faults(snapshot, fact["used"]), [])
                    self.assertEqual(len(snapshot.nodes), fact["nodes"])
                    self.assertEqual(len(snapshot.edges), fact["edges"])
                    self.assertEqual(len(snapshot.raw), fact["bytes"])
                    self.assertFalse(fact["new_ids"])

    def test_sizes_are_exactly_what_is_used(self):
        for name in ("tree", "arrays", "hostile", "many"):
            snapshots, facts = shape_of(name)
            self.assertEqual(sum(node.size for node in snapshots[0].nodes), facts[0]["used"])

    def test_memory_beside_the_heap_is_small(self):
        _, facts = shape_of("many")
        buffer = 33 * 1024
        self.assertLess(facts[0]["memory"] - buffer, facts[0]["used"] / 100)


class What(unittest.TestCase):
    def test_tree_retains_what_is_below(self):
        (snapshot,), _ = shape_of("tree")
        retained = snapshot.retained()
        group = snapshot.one("(Global handles)")
        root = snapshot.nodes[group.edges[0].to]

        self.assertEqual((root.type, root.name, root.size), ("object", "Tree", TREE))
        self.assertEqual(retained[root.id], 31 * TREE)
        self.assertEqual(retained[snapshot.follow(root, "left").id], 15 * TREE)
        self.assertEqual(retained[snapshot.follow(root, "right", "left", "right", "left").id], TREE)

    def test_cycle_is_held_by_the_scopes_that_opened_it(self):
        (snapshot,), _ = shape_of("cycle")
        scopes = [snapshot.nodes[edge.to] for edge in snapshot.one("(Handle scopes)").edges]
        first = snapshot.nodes[scopes[0].edges[0].to]

        self.assertRegex(scopes[0].name, r"shapes\.c:\d+$")
        self.assertEqual([len(scope.edges) for scope in scopes], [2, 1])
        self.assertIs(snapshot.follow(first, "left", "right"), first)

    def test_shared_child_is_retained_by_its_holders_together(self):
        (snapshot,), _ = shape_of("shared")
        retained = snapshot.retained()
        parent = snapshot.nodes[snapshot.one("(Global handles)").edges[0].to]
        child = snapshot.follow(parent, "left", "left")
        own = TREE + text_bytes(len("label 1"))

        self.assertIs(snapshot.follow(parent, "right", "right"), child)
        self.assertEqual(retained[child.id], own + text_bytes(1000))
        self.assertEqual(retained[snapshot.follow(parent, "left").id], own)
        self.assertEqual(retained[parent.id], 4 * own + text_bytes(1000))
        self.assertEqual(snapshot.one("Blob").type, "native")

    def test_arrays_have_elements_by_index(self):
        (snapshot,), _ = shape_of("arrays")
        big, pairs, custom = (snapshot.one(name) for name in ("Refs", "Pairs", "Custom"))

        self.assertEqual((big.type, pairs.type, custom.type), ("array", "array", "object"))
        self.assertEqual(big.size, 8 + 8 * 100000)
        self.assertEqual([edge.name for edge in big.edges], list(range(0, 100000, 100)))
        self.assertEqual(snapshot.follow(big, 500, "label").name, "label 500")
        self.assertEqual([edge.name for edge in pairs.edges], [2, 11, 20, 29])
        self.assertIs(snapshot.follow(custom, 1), pairs)
        self.assertEqual({edge.type for edge in big.edges + pairs.edges}, {"element"})
        self.assertEqual(snapshot.one("Blob").size, 8 + 300000)

    def test_hostile_bytes_are_read_as_they_were_or_replaced(self):
        (snapshot,), _ = shape_of("hostile")
        names = [node.name for node in snapshot.nodes if node.type == "string"]

        self.assertEqual(names[:12], [
            "plain", "", "quotes \" and \\ and ]} and ],\"strings\":[\"",
            "line\nfeed\ttab\x01\x1f\x7f", "��", "cut ��",
            "��� surrogate", "�� overlong",
            "���� beyond", "é€\U0001f600", "</script>", "zero\0inside"])
        self.assertEqual(names[12], "x" * 1023)
        held = snapshot.one("Ho\"stile\\\n\x01 ��� ],\"strings\":[")
        self.assertEqual([edge.name for edge in held.edges],
                         ["quote \" back \\ ]}", "��( broken"])

    def test_weak_globals_hold_weakly_what_others_hold(self):
        (snapshot,), _ = shape_of("weak")
        edges = snapshot.one("(Global handles)").edges

        self.assertEqual(sorted(edge.type for edge in edges), ["element", "weak"])
        self.assertEqual(len({edge.to for edge in edges}), 1)
        self.assertEqual(len(snapshot.named("label 2")), 0)

    def test_external_memory_belongs_to_its_object(self):
        snapshots, facts = shape_of("external")
        snapshot, again = snapshots
        owners = {snapshot.follow(node, "label").name: node for node in snapshot.named("Tree")}
        retained = snapshot.retained()
        own = TREE + text_bytes(len("label 1"))

        self.assertEqual(retained[owners["label 1"].id], (5 << 30) + own)
        self.assertEqual(retained[owners["label 2"].id], 2000 + own)
        self.assertEqual(sum(node.size for node in snapshot.named("(external memory)")),
                         facts[0]["external"])
        self.assertEqual([node.id for node in snapshot.nodes], [node.id for node in again.nodes])


class Identities(unittest.TestCase):
    def check_series(self, snapshots):
        """An id is one object's, in whatever snapshot; returns how many were seen again."""
        labels, again = {}, 0
        for snapshot in snapshots:
            known = {ids: label for label, ids in labels.items()}
            for label, ids in by_label(snapshot).items():
                self.assertEqual(labels.get(label, ids), ids)
                self.assertEqual(known.get(ids, label), label)
                again += label in labels
                labels[label] = ids
        texts = [ids[0] for ids in labels.values()]
        self.assertEqual(len(set(texts)), len(texts))
        return again

    def test_ids_stay_while_others_die_and_are_born(self):
        snapshots, _ = shape_of("churn")
        self.assertGreater(self.check_series(snapshots), 2000)

    def test_a_new_object_has_a_new_id(self):
        snapshots, _ = shape_of("churn")
        first, second = by_label(snapshots[0]), by_label(snapshots[1])
        most = max(node.id for node in snapshots[0].nodes)
        new = [ids for label, ids in second.items() if label not in first]

        self.assertTrue(new)
        self.assertTrue(all(id_ > most for ids in new for id_ in ids))

    def test_ids_stay_for_objects_that_could_not_leave_the_young_space(self):
        snapshots, facts = shape_of("young")

        self.assertGreater(facts[0]["young"], 1000 * TREE)
        self.assertEqual(facts[2]["young"], 0)
        self.assertEqual(self.check_series(snapshots), 1500)


class Limit(unittest.TestCase):
    def test_snapshot_inside_the_callback_and_after_the_failure(self):
        snapshots, facts = shape_of("limit")

        for snapshot, fact in zip(snapshots, facts):
            self.assertEqual(len(snapshot.named("Tree")) * TREE, fact["used"])
        self.assertGreater(facts[1]["used"], 1 << 20)


if __name__ == "__main__":
    unittest.main()
