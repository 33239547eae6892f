/** Where the parts of a step graph stand. The layout is computed once, where the page is made, and rides in the page as numbers: shapes vouch for nothing. */
import dagre, { type Edge, type Point } from "@dagrejs/dagre";
import type { ReportRun } from "./report-fold.ts";

const drawnMax = 120;
const edgesMax = 600;
const labelMax = 24;

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  /** Middle of each step's box, in the order of the run's steps. */
  readonly nodes: readonly (readonly [x: number, y: number])[];
  /** Corners of each arrow. */
  readonly edges: readonly (readonly (readonly [x: number, y: number])[])[];
}

/** Null when there is nothing to draw, or too much. */
export function graphLayout(run: ReportRun): GraphLayout | null {
  const count = run.steps.reduce((sum, step) => sum + (step.plan?.needs.length ?? 0), 0);
  if (run.steps.length === 0 || run.steps.length > drawnMax || count > edgesMax) return null;
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 46, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const step of run.steps) graph.setNode(step.id, { width: Math.max(96, Math.min(step.id.length, labelMax) * 8 + 24), height: 46 });
  for (const step of run.steps) for (const need of step.plan?.needs ?? []) graph.setEdge(need, step.id);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const edges: readonly Edge[] = graph.edges();
  return {
    width: round(width),
    height: round(height),
    nodes: run.steps.map((step) => {
      const { x, y }: Point = graph.node(step.id);
      // Halves are kept, so that corners of boxes come to the same tenths.
      return [x, y];
    }),
    edges: edges.map((edge) => (graph.edge(edge).points ?? []).map(({ x, y }: Point) => [round(x), round(y)])),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
