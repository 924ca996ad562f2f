// memlab_count FILE: memlab reads a heap snapshot and works out who holds what, as JSON: how many
// nodes and edges it sees. Where memlab is, NODE_PATH says.
const {getFullHeapFromFile} = require('@memlab/heap-analysis');

const end = (text, status) => process.stdout.write('\n' + text + '\n', () => process.exit(status));

getFullHeapFromFile(process.argv[2]).then(
  heap => end(JSON.stringify({nodes: heap.nodes.length, edges: heap.edges.length}), 0),
  error => end(String(error), 1));
