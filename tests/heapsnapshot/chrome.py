"""A heap snapshot in the layout that Chrome writes, made of one in ours.

Chrome's own differs in what a reader must not count on: no `trace_node_id` unless allocations were
recorded, and then trace trees, samples and ids in that column; `detachedness` as the last column;
types of nodes that Node.js 20 does not have; places in scripts; bytes of native memory beside the
counts; and strings that are no classes in front of those that are. The graph is the same.
"""

import json

NODE_TYPES = ["hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native",
              "synthetic", "concatenated string", "sliced string", "symbol", "bigint",
              "object shape", "wasm object", "scope", "native memory"]
EDGE_TYPES = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"]
NATIVE_BYTES = 123456  # beside all nodes
STRINGS_IN_FRONT = ["<dummy>", "https://example.org/app.js", "(anonymous)"]


def fields_of(traced):
    trace = ["trace_node_id"] if traced else []
    return ["type", "name", "id", "self_size", "edge_count", *trace, "detachedness"]


def meta(traced):
    fields = fields_of(traced)
    return {
        "node_fields": fields,
        "node_types": [NODE_TYPES, "string", *["number"] * (len(fields) - 2)],
        "edge_fields": ["type", "name_or_index", "to_node"],
        "edge_types": [EDGE_TYPES, "string_or_number", "node"],
        "trace_function_info_fields": ["function_id", "name", "script_name", "script_id", "line",
                                       "column"],
        "trace_node_fields": ["id", "function_info_index", "count", "size", "children"],
        "sample_fields": ["timestamp_us", "last_assigned_id"],
        "location_fields": ["object_index", "script_id", "line", "column"],
    }


def nodes_of(old, traced):
    """Rows in the new order; strings move behind those in front."""
    fields = old["snapshot"]["meta"]["node_fields"]
    width, flat = len(fields), []
    for at in range(0, len(old["nodes"]), width):
        row = dict(zip(fields, old["nodes"][at:at + width]))
        row["name"] += len(STRINGS_IN_FRONT)
        row["trace_node_id"] = 1 + at // width % 2 if row["self_size"] else 0
        flat += [row[field] for field in fields_of(traced)]
    return flat


def edges_of(old, traced):
    width, flat = len(fields_of(traced)), []
    before = len(old["snapshot"]["meta"]["node_fields"])
    for at in range(0, len(old["edges"]), 3):
        kind, name, to = old["edges"][at:at + 3]
        is_index = EDGE_TYPES[kind] in ("element", "hidden")
        flat += [kind, name if is_index else name + len(STRINGS_IN_FRONT), to // before * width]
    return flat


def trace_of(old, traced):
    if not traced:
        return {"trace_function_infos": [], "trace_tree": [], "samples": []}
    last = max(old["nodes"][2::len(old["snapshot"]["meta"]["node_fields"])])
    return {
        "trace_function_infos": [0, 2, 1, 7, 0, 0, 41, 2, 1, 7, 12, 8],
        "trace_tree": [1, 0, 0, 0, [2, 1, 400, 25600, []]],
        "samples": [0, 1, 52000, last // 2, 104000, last],
    }


def relaid(old, traced=False):
    """`old` as Chrome would have written it; `traced`: while it recorded allocations."""
    width = len(fields_of(traced))
    trace = trace_of(old, traced)
    return {
        "snapshot": {
            "meta": meta(traced),
            "node_count": old["snapshot"]["node_count"],
            "edge_count": old["snapshot"]["edge_count"],
            "trace_function_count": len(trace["trace_function_infos"]) // 6,
            "extra_native_bytes": NATIVE_BYTES,
        },
        "nodes": nodes_of(old, traced),
        "edges": edges_of(old, traced),
        "trace_function_infos": trace["trace_function_infos"],
        "trace_tree": trace["trace_tree"],
        "samples": trace["samples"],
        "locations": [width * 5, 7, 12, 8, width * 6, 7, 30, 2],
        "strings": STRINGS_IN_FRONT + old["strings"],
    }


def relay(source, target, traced=False):
    with open(source, encoding="utf-8") as file:
        old = json.load(file)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(relaid(old, traced), file, separators=(",", ":"))
