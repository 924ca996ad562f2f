// leaks KIND leak|healthy A B: the like of leaks.c in Node.js. It runs with --expose-gc.
'use strict';
const v8 = require('node:v8');

class Session { constructor(i) { this.number = i; this.log = new Array(50).fill(i + 0.5); } }
class CacheEntry { constructor(i) { this.number = i; this.rows = new Array(50).fill(i + 0.5); } }
class Message { constructor(i) { this.number = i; this.words = new Array(50).fill(i + 0.5); } }

const [kind, mode, before, after] = process.argv.slice(2);
const leaks = mode === 'leak';
globalThis.server = {listeners: new Set(), pageCache: new Map(), inbox: []};

const servers = {
  scope(i) {  // a closure that holds its scope, and is not released
    const session = new Session(i);
    const listener = () => session.log;
    globalThis.server.listeners.add(listener);
    if (!leaks) globalThis.server.listeners.delete(listener);
  },
  cache(i) {
    const cache = globalThis.server.pageCache;
    cache.set(`/page/${i}`, new CacheEntry(i));
    if (!leaks && cache.size > 10) cache.delete(cache.keys().next().value);
  },
  queue(i) {
    globalThis.server.inbox.push(new Message(i));
    if (!leaks) globalThis.server.inbox.length = 0;
  },
};

function serve(from, to) {
  for (let i = from; i < to; i++) servers[kind](i);
}

serve(0, 500);
globalThis.gc();
v8.writeHeapSnapshot(before);
serve(500, 3000);
globalThis.gc();
v8.writeHeapSnapshot(after);
