// The workloads of heap_bench in JavaScript: node [--trace-gc] peer.js WORKLOAD [SIZE]
// Prints the same last line; the pauses are in the lines that --trace-gc prints after "second run".
'use strict';

// ---- bintrees ----

class Tree {
  constructor(left, right) { this.left = left; this.right = right; }
}

function makeTree(depth) {
  if (depth === 0) return new Tree(null, null);
  const left = makeTree(depth - 1);
  return new Tree(left, makeTree(depth - 1));
}

function countTree(tree) {
  return tree.left === null ? 1 : 1 + countTree(tree.left) + countTree(tree.right);
}

function bintrees(depth) {
  let check = countTree(makeTree(depth + 1));
  const kept = makeTree(depth);
  for (let d = 4; d <= depth; d += 4)
    for (let i = 0; i < 1 << (depth - d + 4); i++) check += countTree(makeTree(d));
  check += countTree(kept);
  return {ops: check, check};
}

// ---- gcbench ----

class Node {
  constructor(left, right) { this.left = left; this.right = right; this.first = 0; this.second = 0; }
}

function populate(node, depth) {
  if (depth <= 0) return;
  node.left = new Node(null, null);
  node.right = new Node(null, null);
  populate(node.left, depth - 1);
  populate(node.right, depth - 1);
}

function down(depth) {
  const root = new Node(null, null);
  populate(root, depth);
  return root;
}

function up(depth) {
  if (depth <= 0) return new Node(null, null);
  const left = up(depth - 1);
  return new Node(left, up(depth - 1));
}

const nodesOf = (depth) => 2 ** (depth + 1) - 1;

function gcbench(stretch) {
  const lasting = stretch - 2, outcome = {ops: nodesOf(lasting) + 1, check: 0};
  const round = (build, depth) => {
    outcome.check += build(depth).left !== null ? 1 : 0;
    outcome.ops += nodesOf(depth);
  };
  round(up, stretch);
  const kept = down(lasting), numbers = new Float64Array(500000);
  for (let i = 0; i < numbers.length; i++) numbers[i] = 1 / (i + 1);
  for (let depth = 4; depth <= lasting; depth += 2) {
    const rounds = Math.floor(2 * nodesOf(stretch) / nodesOf(depth));
    for (let i = 0; i < rounds; i++) { round(down, depth); round(up, depth); }
  }
  outcome.check += kept.left !== null ? 1 : 0;
  if (numbers[250000] !== 1 / 250001) throw new Error('the array has changed');
  return outcome;
}

// ---- ring ----

class Record {
  constructor(time, pid, cpu, rss) {
    this.time = time; this.pid = pid; this.cpu = cpu; this.rss = rss; this.label = null;
  }
}

class Label {
  constructor(letter) { this.first = 1; this.letter = letter; this.last = 3; }
}

function ring(size) {
  const live = 1000000, slots = new Array(live).fill(null);
  let check = 0;
  for (let i = 0; i < size; i++) {
    const record = new Record(i, i % 32768, i % 997, i * 4096);
    if (i % 4 === 0) record.label = new Label(97 + i % 26);
    const oldest = slots[i % live];
    if (oldest !== null) check += oldest.time + (oldest.label !== null ? oldest.label.letter : 0);
    slots[i % live] = record;
  }
  return {ops: size, check};
}

// ---- lru: a Map in place of the table, arrays of numbers in place of bytes ----

class Entry {
  constructor(key, value) { this.newer = null; this.older = null; this.key = key; this.value = value; }
}

const MASK = (1n << 64n) - 1n;

// The same keys as in C; drawn before the clock runs, as numbers of 64 bits are slow here.
function drawKeys(size) {
  const keys = new Int32Array(size);
  let state = 0x9e3779b97f4a7c15n;
  for (let i = 0; i < size; i++) {
    state ^= state << 13n & MASK;
    state ^= state >> 7n;
    state ^= state << 17n & MASK;
    keys[i] = Number(state % 150000n);
  }
  return keys;
}

function unlink(entry) {
  entry.newer.older = entry.older;
  entry.older.newer = entry.newer;
}

let lruKeys = null;

function lru(size) {
  const table = new Map(), ends = new Entry('', null);
  ends.newer = ends.older = ends;
  let check = 0;
  for (let i = 0; i < size; i++) {
    const id = lruKeys[i], key = 'proc/' + id + '/status';
    let entry = table.get(key);
    if (entry !== undefined) {
      check += 1 + entry.value[entry.value.length - 1];
      unlink(entry);
    } else {
      if (table.size === 100000) {
        table.delete(ends.newer.key);
        unlink(ends.newer);
      }
      entry = new Entry(key, new Array(8 + (id % 256 >> 3)).fill(id % 128));
      table.set(key, entry);
    }
    entry.older = ends.older;
    entry.newer = ends;
    entry.older.newer = entry;
    ends.older = entry;
  }
  return {ops: size, check};
}

// ---- measuring ----

const workloads = {
  bintrees: [bintrees, 18], gcbench: [gcbench, 18], ring: [ring, 5000000], lru: [lru, 1500000],
};

const [name, given] = process.argv.slice(2);
const [run, usual] = workloads[name] ?? process.exit(2);
const size = Number(given ?? usual);
if (name === 'lru') lruKeys = drawKeys(size);
run(size);
console.log('second run');
const before = process.cpuUsage();
const outcome = run(size);
const used = process.cpuUsage(before);
console.log(JSON.stringify({
  workload: name, allocator: 'node', ops: outcome.ops, check: outcome.check,
  cpu_s: (used.user + used.system) / 1e6, max_pause_ms: 0, p99_pause_ms: 0,
  rss_kib: process.resourceUsage().maxRSS,
}));
