"""The strict reader of heap snapshots refuses each kind of broken file, so that its silence means
something."""

import copy
import json
import unittest

from support.heapsnapshot import (EDGE_FIELDS, EDGE_TYPES, NODE_FIELDS, NODE_TYPES, Fault, Snapshot,
                                  faults)

STRINGS = ["<dummy>", "", "(GC roots)", "(Handle scopes)", "Ring", "Sample", "head", "next", "weak"]
NODES = [
    [9, 1, 1, 0, 1, 0, 0],
    [9, 2, 3, 0, 1, 0, 0],
    [9, 3, 5, 0, 1, 0, 0],
    [3, 4, 7, 64, 2, 0, 0],  # Ring
    [3, 5, 9, 32, 1, 0, 0],  # Sample
    [3, 5, 11, 32, 0, 0, 0],
]
EDGES = [[1, 1, 7], [1, 1, 14], [1, 1, 21], [2, 6, 28], [1, 0, 35], [2, 7, 35]]
USED = 128


def document(nodes=NODES, edges=EDGES, strings=STRINGS):
    return {
        "snapshot": {
            "meta": {
                "node_fields": NODE_FIELDS,
                "node_types": [NODE_TYPES, "string"] + ["number"] * 5,
                "edge_fields": EDGE_FIELDS,
                "edge_types": [EDGE_TYPES, "string_or_number", "node"],
            },
            "node_count": len(nodes), "edge_count": len(edges), "trace_function_count": 0,
        },
        "nodes": [value for row in nodes for value in row],
        "edges": [value for row in edges for value in row],
        "trace_function_infos": [], "trace_tree": [], "samples": [], "locations": [],
        "strings": strings,
    }


def raw(document_):
    return json.dumps(document_, separators=(",", ":")).encode()


def found(bytes_, used=USED):
    try:
        return faults(Snapshot(bytes_), used)
    except Fault as fault:
        return [str(fault)]


def with_node(at, field, value):
    nodes = copy.deepcopy(NODES)
    nodes[at][NODE_FIELDS.index(field)] = value
    return document(nodes=nodes)


def with_edge(at, field, value):
    edges = copy.deepcopy(EDGES)
    edges[at][EDGE_FIELDS.index(field)] = value
    return document(edges=edges)


def with_head(**values):
    changed = document()
    changed["snapshot"].update(values)
    return changed


def in_order(*names):
    whole = document()
    return {name: whole[name] for name in names}


def with_extra_node(row):
    return document(nodes=NODES + [row])


BROKEN = {
    "strings before nodes": in_order("snapshot", "strings", "nodes", "edges", "trace_function_infos",
                                     "trace_tree", "samples", "locations"),
    "a key is missing": in_order("snapshot", "nodes", "edges", "strings"),
    "more nodes promised": with_head(node_count=7),
    "fewer edges promised": with_head(edge_count=5),
    "traces promised": with_head(trace_function_count=1),
    "a node claims too few edges": with_node(3, "edge_count", 1),
    "a node claims too many edges": with_node(4, "edge_count", 2),
    "an edge between two nodes": with_edge(3, "to_node", 29),
    "an edge past the end": with_edge(3, "to_node", 42),
    "an edge's name past the end": with_edge(3, "name_or_index", 9),
    "an edge's type past the end": with_edge(3, "type", 7),
    "a node's name past the end": with_node(3, "name", 9),
    "a node's type past the end": with_node(3, "type", 16),
    "two nodes of one id": with_node(5, "id", 9),
    "an even id": with_node(5, "id", 12),
    "an id of 33 bits": with_node(5, "id", (1 << 32) + 1),
    "a size of 33 bits": with_node(5, "self_size", 1 << 32),
    "a node nobody leads to": with_extra_node([3, 5, 13, 0, 0, 0, 0]),
    "a node only weakly held": with_edge(3, "type", 6),
    "a shortcut": with_edge(3, "type", 5),
    "a root with a size": with_node(0, "self_size", 8),
    "a root of another id": with_node(0, "id", 13),
    "a second node that is no root": with_node(1, "name", 4),
    "half a row": dict(document(), nodes=document()["nodes"] + [3]),
    "a string that is a number": dict(document(), strings=STRINGS[:-1] + [8]),
    "another first string": dict(document(), strings=["x"] + STRINGS[1:]),
    "a sample": dict(document(), samples=[1]),
    "a truth among nodes": dict(document(), nodes=[True] + document()["nodes"][1:]),
    "not an object": [],
}

GOOD = raw(document())
BROKEN_BYTES = {
    "a fraction": GOOD.replace(b"7,64,2", b"7,64.5,2"),
    "an exponent": GOOD.replace(b"7,64,2", b"7,64e0,2"),
    "a sign": GOOD.replace(b"7,64,2", b"7,-64,2"),
    "a leading zero": GOOD.replace(b"7,64,2", b"7,064,2"),
    "not a number": GOOD.replace(b"7,64,2", b"7,NaN,2"),
    "bytes that are no UTF-8": GOOD.replace(b"Sample", b"Sa\xff\xfeple"),
    "cut off": GOOD[:-20],
    "a bare control character": GOOD.replace(b"Sample", b"Sam\x01le"),
    "space before the head": GOOD.replace(b'{"snapshot":', b'{"snapshot" :'),
    "a key twice": GOOD.replace(b'"samples":[]', b'"samples":[],"samples":[]'),
    "nothing": b"",
}


class Strict(unittest.TestCase):
    def test_good_file_is_passed(self):
        self.assertEqual(found(GOOD), [])

    def test_each_broken_document_is_refused(self):
        for what, broken in BROKEN.items():
            with self.subTest(what):
                self.assertNotEqual(found(raw(broken)), [])

    def test_each_broken_text_is_refused(self):
        for what, broken in BROKEN_BYTES.items():
            with self.subTest(what):
                self.assertNotEqual(broken, GOOD)
                self.assertNotEqual(found(broken), [])

    def test_sizes_are_held_against_what_is_used(self):
        self.assertEqual(found(GOOD, 129), [])
        self.assertNotEqual(found(GOOD, 130), [])
        self.assertNotEqual(found(GOOD, 126), [])
        self.assertEqual(found(GOOD, None), [])

    def test_retained_sizes_of_a_known_shape(self):
        self.assertEqual(Snapshot(GOOD).retained(),
                         {1: 128, 3: 128, 5: 128, 7: 128, 9: 32, 11: 32})

    def test_a_chain_retains_what_hangs_on_it(self):
        edges = EDGES[:4] + [[2, 7, 35]]
        nodes = copy.deepcopy(NODES)
        nodes[3][4] = 1
        self.assertEqual(Snapshot(raw(document(nodes, edges))).retained()[9], 64)


if __name__ == "__main__":
    unittest.main()
