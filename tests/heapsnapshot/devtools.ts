// devtools FILE: what Chrome's developer tools make of a heap snapshot, as JSON: how many nodes and
// edges they see, what each node retains (by id), and all that they would complain of. Exits with 1
// when they throw.
import {SecondaryInitManager} from
  'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts';
import {HeapSnapshotLoader} from
  'chrome-devtools-frontend/front_end/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.ts';
import {createReadStream} from 'node:fs';

const promises = Promise as any;
if (!promises.withResolvers) {  // Node 20 has not learnt it yet
  promises.withResolvers = () => {
    const parts: any = {};
    parts.promise = new Promise((resolve, reject) => Object.assign(parts, {resolve, reject}));
    return parts;
  };
}

const problems: string[] = [];
console.warn = (...words) => problems.push(words.join(' '));
console.error = console.warn;

async function load(file: string): Promise<any> {
  const dispatcher = {
    sendEvent(name: string, data: unknown) {
      if (!/progress/i.test(name)) problems.push(`${name}: ${data}`);
    },
  };
  const loader = new HeapSnapshotLoader(dispatcher as any);
  const channel = new MessageChannel();
  new SecondaryInitManager(channel.port2 as any);
  for await (const chunk of createReadStream(file, {encoding: 'utf8'})) await loader.write(chunk);
  loader.close();
  const snapshot = await loader.buildSnapshot(channel.port1 as any);
  channel.port1.close();
  channel.port2.close();
  return snapshot;
}

function describe(snapshot: any): object {
  const retained: Record<string, number> = {};
  const classes: Record<string, number> = {};
  const node = snapshot.createNode(0);
  for (let at = 0; at < snapshot.nodeCount; at++) {
    node.nodeIndex = at * snapshot.nodeFieldCount;
    retained[node.id()] = snapshot.retainedSizes[at];
    classes[node.className()] = (classes[node.className()] ?? 0) + 1;
  }
  return {
    nodes: snapshot.nodeCount,
    edges: snapshot.containmentEdges.length / snapshot.edgeFieldsCount,
    size: snapshot.totalSize,
    retained, classes, problems,
  };
}

// A loader that threw leaves its channel open, and would wait for ever.
const end = (text: string, status: number) => process.stdout.write(text, () => process.exit(status));

load(process.argv[2]).then(
  snapshot => end(JSON.stringify(describe(snapshot)), 0), error => end(String(error), 1));
