import type { ProblemView } from "../../contracts/run-view.ts";
import type { Paint } from "./paint.ts";
import { plainText } from "./plain-text.ts";

/** Problems in the form that editors and CI understand: file:line:column, then what is wrong and what was probably meant. */
export function problemsText(problems: readonly ProblemView[], paint: Paint): string {
  const lines = problems.map((problem) => {
    const path = problem.path === null ? "" : ` (${plainText(problem.path)})`;
    const suggestion = problem.suggestion === null ? "" : `\n    did you mean ${plainText(problem.suggestion)}?`;
    return `${placeText(problem)}${paint("bad", problem.code)} ${plainText(problem.message)}${path}${suggestion}`;
  });
  return [...lines, `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`].join("\n");
}

function placeText(problem: ProblemView): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(":");
  return place === "" ? "" : `${plainText(place)}: `;
}
