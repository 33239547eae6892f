import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath, relativePathProblem } from "../base/relative-path.ts";
import type { PlanStep } from "../contracts/plan-document.ts";
import type { FileTree } from "../ports/file-tree.ts";
import { withoutDot } from "./bind-code.ts";

/**
 * Refuses argv items of a pure step and its gates that name something in the workflow's folder in a way that is not bound: by an absolute
 * path, or through `..`. What they name would be read there, whatever it holds by then, and would be in no reuse key. `itemText` as for
 * bindCode. Throws WORKFLOW_INVALID naming the item.
 */
export async function refuseUnboundPaths(step: PlanStep, itemText: (item: string) => string | null, tree: FileTree): Promise<void> {
  const commands = step.gates.flatMap(({ check }) => (check.kind === "command" ? [check.argv] : []));
  if (step.executor.kind === "process") commands.push(step.executor.argv);
  for (const [, ...items] of commands) {
    for (const item of items) {
      const text = itemText(item);
      const path = text === null ? null : await unboundPath(text, tree);
      if (path === null) continue;
      const advice = path === "" ? "name the files below it, by paths of that folder" : `write ${path}; an input also belongs into reads`;
      throw new LilyError(
        "WORKFLOW_INVALID",
        `pure step ${step.id} names ${text}, which lies in the workflow's folder and is not bound in this form: a change of it would go unseen; ${advice}`,
        { details: { step_id: step.id, path } },
      );
    }
  }
}

/** The path in the tree that an item names but does not bind; null when it is bound as it is, or names nothing there. */
async function unboundPath(text: string, tree: FileTree): Promise<string | null> {
  const isAbsolute = text.startsWith("/");
  if (!isAbsolute && relativePathProblem(withoutDot(text)) === null) return null;
  const names = resolved(isAbsolute ? text : `${tree.root}/${text}`);
  const root = resolved(tree.root);
  if (root.some((name, index) => names[index] !== name)) return null;
  const path = names.slice(root.length).join("/");
  // Of other texts, as the pattern of a sed, only those that are the path of a file are meant as one.
  if (path === "") return isAbsolute ? path : null;
  if (relativePathProblem(path) !== null) return null;
  const kind = await kindOf(path, tree);
  return kind === "file" || (isAbsolute && kind !== null) ? path : null;
}

/** `link` also for what lies behind one. */
async function kindOf(path: string, tree: FileTree): Promise<string | null> {
  try {
    return (await tree.stat(parseRelativePath(path)))?.kind ?? null;
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_FOUND")) return null;
    if (isLilyError(thrown, "PATH_INVALID")) return "link";
    throw thrown;
  }
}

/** Names of a path without `.` and `..`, as text: links are not followed. */
function resolved(path: string): readonly string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
