import type { ProblemView } from "../../contracts/run-view.ts";
import type { Paint } from "./paint.ts";
import { plainText } from "./plain-text.ts";

/** One problem a line, in the form that editors and CI understand: file:line:column, then what is wrong and what was probably meant. */
export function problemsText(problems: readonly ProblemView[], paint: Paint): string {
  const lines = problems.map((problem) => `${placeText(problem)}${paint("bad", plainText(messageOf(problem)))}`);
  return [...lines, `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`].join("\n");
}

/** Messages of documents name path and suggestion already; each is said once. The code only where it says more than the command does. */
function messageOf({ code, message, path, suggestion }: ProblemView): string {
  const where = path === null || path === "" || message.startsWith(path) ? "" : `${path}: `;
  const meant = suggestion === null || message.includes(`did you mean ${suggestion}?`) ? "" : `; did you mean ${suggestion}?`;
  return `${where}${message}${meant}${code === "WORKFLOW_INVALID" ? "" : ` (${code})`}`;
}

function placeText(problem: ProblemView): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(":");
  return place === "" ? "" : `${plainText(place)}  `;
}
