// causes queue|cache leak|healthy NAME: the like of causes.c in Node.js. The queue reports itself to the
// socket $MEMWATCH_SOCKET; of the cache only the heap that it is in is reported, by memwatch-report.cjs.
'use strict';
const http = require('node:http');

const [kind, mode, name] = process.argv.slice(2);
const leaks = mode === 'leak';
const TICK_MS = 50, SLOW = 8, CACHE_LIMIT = 500, PAGES_A_TICK = 20;
let ticks = 0;

// ---- a queue without a bound: there is no capacity to report ----

const inbox = [];
let enqueuedTotal = 0, dequeuedTotal = 0;

function serveQueue() {
  inbox.push({number: ticks});
  enqueuedTotal++;
  if (leaks && ticks % SLOW !== 0) return;
  inbox.shift();
  dequeuedTotal++;
}

function reportQueue() {
  const body = JSON.stringify({length: inbox.length, enqueuedTotal, dequeuedTotal});
  const headers = {'Content-Type': 'application/json', 'Content-Length': body.length};
  http.request({socketPath: process.env.MEMWATCH_SOCKET, path: `/api/v1/queues/${name}`, method: 'PUT', headers},
    (answer) => answer.resume()).on('error', (error) => console.error(error.message)).end(body);
}

// ---- a cache ----

const pages = new Map();

function serveCache() {
  for (let i = 0; i < PAGES_A_TICK; i++) {
    const number = ticks * PAGES_A_TICK + i;
    pages.set(`/page/${number}`, JSON.stringify(Array.from({length: 1000}, (_, k) => k + number)));
    if (!leaks && pages.size > CACHE_LIMIT) pages.delete(pages.keys().next().value);
  }
}

// ---- all together ----

const serve = kind === 'queue' ? serveQueue : serveCache;
setInterval(() => { ticks++; serve(); }, TICK_MS);
if (kind === 'queue') setInterval(reportQueue, 1000);
process.stdin.on('end', () => process.exit(0)).resume();
