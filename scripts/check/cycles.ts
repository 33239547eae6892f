/** Cycles of a directed graph: for each group of nodes that reach each other, one closed path through its first node. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: (readonly string[])[] = [];
  const settled = new Set<string>();
  for (const start of [...graph.keys()].sort()) {
    if (settled.has(start)) continue;
    const cycle = shortestCycle(graph, start);
    settled.add(start);
    if (cycle === null) continue;
    for (const node of cycle) settled.add(node);
    cycles.push(cycle);
  }
  return cycles;
}

function shortestCycle(graph: ReadonlyMap<string, readonly string[]>, start: string): readonly string[] | null {
  const cameFrom = new Map<string, string | null>([[start, null]]);
  const queue: string[] = [start];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) return pathTo(cameFrom, node);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return null;
}

function pathTo(cameFrom: ReadonlyMap<string, string | null>, end: string): readonly string[] {
  const nodes: string[] = [];
  for (let node: string | null = end; node !== null; node = cameFrom.get(node) ?? null) nodes.unshift(node);
  return nodes;
}
