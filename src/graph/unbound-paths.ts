import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath, relativePathProblem } from "../base/relative-path.ts";
import type { PlanStep } from "../contracts/plan-document.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { withoutDot } from "./bind-code.ts";

/**
 * Refuses argv items of a pure step and its gates that name something in the workflow's folder in a way that is not bound: by an absolute
 * path, or a file of it through `..`. What they name would be read there, whatever it holds by then, and would be in no reuse key.
 * `itemText` as for bindCode. Throws WORKFLOW_INVALID naming the item.
 */
export async function refuseUnboundPaths(step: PlanStep, itemText: (item: string) => string | null, tree: FileTree): Promise<void> {
  const commands = step.gates.flatMap(({ check }) => (check.kind === "command" ? [check.argv] : []));
  if (step.executor.kind === "process") commands.push(step.executor.argv);
  for (const [, ...items] of commands) {
    for (const item of items) {
      const text = itemText(item);
      const path = text === null ? null : (absolutePathIn(tree.root, text) ?? (await climbingPath(text, tree)));
      if (text !== null && path !== null)
        throw new LilyError("WORKFLOW_INVALID", unboundPathProblem(step.id, text, path), { details: { step_id: step.id, path } });
    }
  }
}

export function unboundPathProblem(stepId: string, text: string, path: string): string {
  const advice = path === "" ? "name the files below it, by paths of that folder" : `write ${path}; an input also belongs into reads`;
  return `pure step ${stepId} names ${text}, which lies in the workflow's folder and is not bound in this form: a change of it would go unseen; ${advice}`;
}

/** The path in the folder that an absolute path names, as text: links are not followed. Null for any other text and place. */
export function absolutePathIn(root: string, text: string): string | null {
  return text.startsWith("/") ? pathBelow(root, text) : null;
}

/** The file of the tree that a relative path with `.` or `..` names; a text that names no file, as the pattern of a sed, is none. */
async function climbingPath(text: string, tree: FileTree): Promise<string | null> {
  if (text.startsWith("/") || relativePathProblem(withoutDot(text)) === null) return null;
  const path = pathBelow(tree.root, `${tree.root}/${text}`);
  return path !== null && relativePathProblem(path) === null && (await isFile(path, tree)) ? path : null;
}

async function isFile(path: string, tree: FileTree): Promise<boolean> {
  try {
    return (await tree.stat(parseRelativePath(path)))?.kind === "file";
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_FOUND", "PATH_INVALID")) return false;
    throw thrown;
  }
}

function pathBelow(root: string, absolute: string): string | null {
  const [above, names] = [resolved(root), resolved(absolute)];
  return above.every((name, index) => names[index] === name) ? names.slice(above.length).join("/") : null;
}

/** Names of a path without `.` and `..`. */
function resolved(path: string): readonly string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
