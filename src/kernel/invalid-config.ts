import { LilyError } from "../base/lily-error.ts";
import type { ProblemView } from "../contracts/run-view.ts";

const problemsMax = 20;

/** What is wrong with lily.yaml: one problem in one line, several one a line, each with its own place as file:line:column. */
export function invalidConfig(file: string, problems: readonly ProblemView[]): LilyError {
  const lines = problems.slice(0, problemsMax).map(({ line, column, message }) => {
    const place = [file, line, column].filter((part) => part !== null).join(":");
    return `${place}  ${message}`;
  });
  const more = problems.length > lines.length ? `\n... and ${problems.length - lines.length} more` : "";
  const text = lines.length === 1 ? lines.join() : `${file} has ${problems.length} problems:\n${lines.join("\n")}${more}`;
  return new LilyError("CONFIG_INVALID", text, { details: { problems: lines } });
}
