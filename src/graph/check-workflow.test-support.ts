import { checkWorkflow, type WorkflowCheck } from "./check-workflow.ts";

/** A bad document: the text, and what the report must say of it. */
export interface BadCase {
  readonly name: string;
  readonly text: string;
  readonly code: string;
  readonly line: number | null;
  /** What the message must name. */
  readonly names: string;
  readonly file?: string;
}

const encoder = new TextEncoder();

export const knownModules = ["weather.summarise"];
export const knownSchemas = ["weather_table.v1", "weather_report.v1"];

export function checkText(text: string, fileName = "flow.yaml"): Promise<WorkflowCheck> {
  return checkWorkflow(encoder.encode(text), { fileName, modules: knownModules, schemas: knownSchemas });
}

/** A document whose head takes three lines, so that the first step's members begin on line 5. */
export function withStep(members: string, after = ""): string {
  return `workflow: w\nversion: 1\nsteps:\n  a:\n${members
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")}\n${after}`;
}

/** A document with one step that does nothing, on lines 3 and 4, and more from line 5. */
export function withRoot(members: string): string {
  return `workflow: w\nversion: 1\nsteps:\n  a: { run: [node] }\n${members}\n`;
}

/** The problem that a case is about, or what was found in its place. */
export function matching(found: WorkflowCheck, bad: BadCase): string {
  const hit = found.problems.find((problem) => problem.code === bad.code && problem.line === bad.line && problem.message.includes(bad.names));
  return hit === undefined ? found.problems.map(({ code, line, message }) => `${code} ${line} ${message}`).join("\n") || "no problem" : "found";
}
