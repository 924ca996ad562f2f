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

getFullHeapFromFile(process.argv[2]).then(
  heap => process.stdout.write('\n' + JSON.stringify(describe(heap))),
  error => {
    process.stdout.write('\n' + error);
    process.exitCode = 1;
  });
