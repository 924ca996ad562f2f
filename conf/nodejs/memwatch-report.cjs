// Reports the heap of a Node.js program to memwatchd, once a second:
//
//     NODE_OPTIONS="--require /usr/share/doc/memwatchd/examples/memwatch-report.cjs" node app.js
//
// What is sent: process.memoryUsage(), the limit of the heap, and its floor: heapUsed right after the
// last full collection, what the program really holds: in a leak it grows. floorLimit is where V8 gives
// up: at four fifths of the old space, and the limit of the heap has three semi-spaces beside that.
//
// MEMWATCH_NAME      its name; else that of the script. Two programs need two names.
// MEMWATCH_SOCKET    of the daemon; else /run/memwatchd/memwatchd.sock
// MEMWATCH_INTERVAL  milliseconds; else 1000
//
// It keeps no program alive and throws nothing: without a daemon nothing happens.
'use strict';
const http = require('http');
const path = require('path');
const v8 = require('v8');
const { PerformanceObserver, constants } = require('perf_hooks');
const { isMainThread } = require('worker_threads');

const ignore = () => {};
const flags = `${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS}`;
const semiSpace = 2 ** 20 * (/--max[-_]semi[-_]space[-_]size[= ](\d+)/.exec(flags) || [0, 16])[1];

function nameOf() {
  const script = path.basename(process.argv[1] || 'node', path.extname(process.argv[1] || ''));
  return (process.env.MEMWATCH_NAME || script).replace(/[^A-Za-z0-9_./@-]/g, '_').slice(0, 64);
}

function start() {
  const request = {
    socketPath: process.env.MEMWATCH_SOCKET || '/run/memwatchd/memwatchd.sock',
    path: '/api/v1/heaps/' + encodeURIComponent(nameOf()),
    method: 'PUT',
    timeout: 5000, agent: new http.Agent({ keepAlive: true, maxSockets: 1 }),
  };
  let floor = null;
  let busy = false;
  const report = () => {
    if (busy) return; // the daemon is behind: what is new then says it all
    busy = true;
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const heapLimit = v8.getHeapStatistics().heap_size_limit;
    const body = JSON.stringify({ rss, heapTotal, heapUsed, external, heapLimit, floor,
      floorLimit: Math.round(0.8 * (heapLimit - 3 * semiSpace)), pid: process.pid });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const put = http.request({ ...request, headers }, (answer) => answer.resume());
    put.on('socket', (socket) => socket.unref()).on('timeout', () => put.destroy());
    put.on('error', ignore).on('close', () => { busy = false; }).end(body);
  };
  new PerformanceObserver((list) => {
    const full = (entry) => (entry.detail || entry).kind === constants.NODE_PERFORMANCE_GC_MAJOR;
    if (list.getEntries().some(full)) floor = v8.getHeapStatistics().used_heap_size;
  }).observe({ entryTypes: ['gc'] });
  setInterval(report, Number(process.env.MEMWATCH_INTERVAL) || 1000).unref();
  setImmediate(report).unref();
}

if (isMainThread) try { start(); } catch { ignore(); }
