"""A strict reader of .heapsnapshot files.

The programs that open such files forgive much and notice little: a wrong number of edges gives them
another graph, without a word. This one takes nothing on trust. Snapshot(raw) reads, faults(snapshot)
lists what is wrong, and the rest answers questions about a snapshot that is right.

    python3 heapsnapshot.py FILE [USED_BYTES]
"""

import json
import sys

KEYS = ["snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples", "locations",
        "strings"]
NODE_FIELDS = ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"]
EDGE_FIELDS = ["type", "name_or_index", "to_node"]
NODE_TYPES = ["hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native",
              "synthetic", "concatenated string", "sliced string", "symbol", "bigint",
              "object shape", "wasm object"]
EDGE_TYPES = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"]
NODE_WIDTH = len(NODE_FIELDS)
EDGE_WIDTH = len(EDGE_FIELDS)
UINT32 = 1 << 32
TOLERANCE = 100  # the sizes may be wrong by one part in so many


class Fault(Exception):
    """The file is not even a snapshot in form."""


def _refuse(text):
    raise Fault("a number that is no plain integer: %s" % text)


def _integer(text):
    if not text.isdigit() or (text[0] == "0" and text != "0"):
        _refuse(text)
    return int(text)


def _pairs(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Fault("a key stands twice: %s" % names)
    return dict(pairs)


class Node:
    def __init__(self, row, strings):
        (self.type_code, self.name_index, self.id, self.size, self.edge_count, self.trace_node,
         self.detached) = row
        self.type = NODE_TYPES[self.type_code] if self.type_code < len(NODE_TYPES) else None
        self.name = strings[self.name_index] if self.name_index < len(strings) else None
        self.edges = []


class Edge:
    def __init__(self, row, strings):
        self.type_code, self.name_or_index, self.to_index = row
        self.type = EDGE_TYPES[self.type_code] if self.type_code < len(EDGE_TYPES) else None
        self.name = self.name_or_index
        if self.type not in ("element", "hidden"):
            self.name = strings[self.name_or_index] if self.name_or_index < len(strings) else None
        self.to = None  # position of the node


def _rows(flat, width):
    return [flat[at:at + width] for at in range(0, len(flat) - len(flat) % width, width)]


class Snapshot:
    """`nodes` and, for each, its `edges`; raises Fault when there is no making sense of `raw`."""

    def __init__(self, raw):
        self.raw = raw
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Fault("not UTF-8: %s" % error) from error
        try:
            self.document = json.loads(text, parse_float=_refuse, parse_int=_integer,
                                       parse_constant=_refuse, object_pairs_hook=_pairs)
        except ValueError as error:
            raise Fault("not JSON: %s" % error) from error
        if not isinstance(self.document, dict) or list(self.document) != KEYS:
            raise Fault("the keys are not %s" % KEYS)
        self.head = self.document["snapshot"]
        self.strings = self.document["strings"]
        self.flat_nodes = self.document["nodes"]
        self.flat_edges = self.document["edges"]
        if not all(isinstance(value, int) and not isinstance(value, bool)
                   for value in self.flat_nodes + self.flat_edges):
            raise Fault("nodes and edges are not all numbers")
        self.nodes = [Node(row, self.strings) for row in _rows(self.flat_nodes, NODE_WIDTH)]
        self.edges = [Edge(row, self.strings) for row in _rows(self.flat_edges, EDGE_WIDTH)]
        self._share_out_edges()

    def _share_out_edges(self):
        at = 0
        for node in self.nodes:
            node.edges = self.edges[at:at + node.edge_count]
            at += node.edge_count
        self.edges_shared = at
        for edge in self.edges:
            edge.to = edge.to_index // NODE_WIDTH

    def named(self, name):
        """The nodes of that name."""
        return [node for node in self.nodes if node.name == name]

    def one(self, name):
        found = self.named(name)
        if len(found) != 1:
            raise AssertionError("%d nodes are called %r" % (len(found), name))
        return found[0]

    def follow(self, node, *names):
        """Where a path of edges leads, by their names."""
        for name in names:
            leading = [edge for edge in node.edges if edge.name == name]
            if len(leading) != 1:
                raise AssertionError("%d edges of %r are called %r" % (len(leading), node.name, name))
            node = self.nodes[leading[0].to]
        return node

    def retained(self):
        """For each node, the bytes that would go with it."""
        return _retained(self)


# ---- what must hold ----


def _form(snapshot):
    """Of the head, and of the numbers in it."""
    head, meta = snapshot.head, snapshot.head.get("meta", {})
    if not snapshot.raw.startswith(b'{"snapshot":{'):
        yield "the file does not begin with its head"
    if not snapshot.raw.rstrip().endswith(b"]}"):
        yield "strings are not last"
    if meta.get("node_fields") != NODE_FIELDS or meta.get("edge_fields") != EDGE_FIELDS:
        yield "other fields than the format has"
    if meta.get("node_types") != [NODE_TYPES, "string"] + ["number"] * 5:
        yield "other types of nodes than the format has"
    if meta.get("edge_types") != [EDGE_TYPES, "string_or_number", "node"]:
        yield "other types of edges than the format has"
    if len(snapshot.flat_nodes) % NODE_WIDTH or len(snapshot.flat_edges) % EDGE_WIDTH:
        yield "a row that is not whole"
    if head.get("node_count") != len(snapshot.nodes):
        yield "node_count is %s, nodes are %d" % (head.get("node_count"), len(snapshot.nodes))
    if head.get("edge_count") != len(snapshot.edges):
        yield "edge_count is %s, edges are %d" % (head.get("edge_count"), len(snapshot.edges))
    if snapshot.edges_shared != len(snapshot.edges):
        yield "nodes claim %d edges, there are %d" % (snapshot.edges_shared, len(snapshot.edges))
    if head.get("trace_function_count") != 0:
        yield "trace_function_count is not 0"
    for key in KEYS[3:7]:
        if snapshot.document[key] != []:
            yield "%s is not empty" % key
    if not all(isinstance(string, str) for string in snapshot.strings):
        yield "a string that is none"
    if snapshot.strings[:1] != ["<dummy>"]:
        yield "the first string is not <dummy>"


def _ranges(snapshot):
    for at, node in enumerate(snapshot.nodes):
        if node.type is None:
            yield "node %d has no type" % at
        if node.name is None:
            yield "node %d has no name" % at
        if node.id % 2 != 1 or node.id >= UINT32:
            yield "node %d has the id %d" % (at, node.id)
        if node.size >= UINT32:
            yield "node %d has a size that readers cut off" % at
    for at, edge in enumerate(snapshot.edges):
        if edge.type is None:
            yield "edge %d has no type" % at
        if edge.name is None:
            yield "edge %d has no name" % at
        if edge.to_index % NODE_WIDTH or edge.to >= len(snapshot.nodes):
            yield "edge %d leads nowhere" % at
    if len({node.id for node in snapshot.nodes}) != len(snapshot.nodes):
        yield "two nodes have one id"


def _roots(snapshot):
    root = snapshot.nodes[0] if snapshot.nodes else None
    if root is None or (root.type, root.name, root.id, root.size) != ("synthetic", "", 1, 0):
        yield "the first node is not the root"
    elif [(edge.type, edge.name, edge.to) for edge in root.edges] != [("element", 1, 1)]:
        yield "the root has other edges than the one to (GC roots)"
    elif snapshot.nodes[1].name != "(GC roots)":
        yield "the second node is not (GC roots)"
    for node in snapshot.nodes:
        if any(edge.type == "shortcut" for edge in node.edges):
            yield "a shortcut edge changes what is retained"


def _reachable(snapshot):
    seen, ahead = {0}, [0]
    while ahead:
        for edge in snapshot.nodes[ahead.pop()].edges:
            if edge.type != "weak" and edge.to not in seen:
                seen.add(edge.to)
                ahead.append(edge.to)
    if len(seen) != len(snapshot.nodes):
        yield "%d nodes cannot be reached" % (len(snapshot.nodes) - len(seen))


def _sizes(snapshot, used):
    if used is None:
        return
    total = sum(node.size for node in snapshot.nodes if node.name != "(external memory)")
    if abs(total - used) * TOLERANCE > used:
        yield "sizes sum up to %d, %d bytes are used" % (total, used)


def faults(snapshot, used=None):
    """All that is wrong; later questions make no sense when earlier ones found something."""
    for look in (_form, _ranges, _roots, _reachable):
        found = list(look(snapshot))
        if found:
            return found
    return list(_sizes(snapshot, used))


# ---- who retains what ----


def _order(snapshot):
    """Nodes after all that they lead to, cycles apart."""
    order, seen, stack = [], {0}, [(0, iter(snapshot.nodes[0].edges))]
    while stack:
        at, edges = stack[-1]
        edge = next(edges, None)
        if edge is None:
            order.append(at)
            stack.pop()
        elif edge.type != "weak" and edge.to not in seen:
            seen.add(edge.to)
            stack.append((edge.to, iter(snapshot.nodes[edge.to].edges)))
    return order


def _dominators(snapshot, order):
    """Cooper, Harvey and Kennedy's way: until nothing changes."""
    rank = {at: i for i, at in enumerate(order)}
    leading = {at: [] for at in order}
    for at in order:
        for edge in snapshot.nodes[at].edges:
            if edge.type != "weak":
                leading[edge.to].append(at)
    dominator = {0: 0}

    def meet(left, right):
        while left != right:
            while rank[left] < rank[right]:
                left = dominator[left]
            while rank[right] < rank[left]:
                right = dominator[right]
        return left

    changed = True
    while changed:
        changed = False
        for at in reversed(order[:-1]):
            best = None
            for before in leading[at]:
                if before in dominator:
                    best = before if best is None else meet(best, before)
            if dominator.get(at) != best:
                dominator[at] = best
                changed = True
    return dominator


def _retained(snapshot):
    order = _order(snapshot)
    dominator = _dominators(snapshot, order)
    size = {at: snapshot.nodes[at].size for at in order}
    for at in order[:-1]:
        size[dominator[at]] += size[at]
    return {snapshot.nodes[at].id: size[at] for at in order}


def main(words):
    with open(words[1], "rb") as file:
        raw = file.read()
    try:
        found = faults(Snapshot(raw), int(words[2]) if len(words) > 2 else None)
    except Fault as error:
        found = [str(error)]
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
