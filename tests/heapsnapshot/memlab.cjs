// memlab FILE: what memlab makes of a heap snapshot, as JSON: how many nodes and edges it sees, and
// what each node retains (by id). Exits with 1 when it throws.
const {getFullHeapFromFile} = require('@memlab/heap-analysis');

function describe(heap) {
  const retained = {};
  let nodes = 0;
  let edges = 0;
  heap.nodes.forEach(node => {
    nodes++;
    retained[node.id] = node.retainedSize;
  });
  heap.edges.forEach(() => {
    edges++;
  });
  return {nodes, edges, retained, problems: []};
}

const end = (text, status) => process.stdout.write('\n' + text, () => process.exit(status));

getFullHeapFromFile(process.argv[2]).then(
  heap => end(JSON.stringify(describe(heap)), 0), error => end(String(error), 1));
