/**
 * Owns: which marks of the plan's code files were last seen to have the bound digest.
 * Invariants: what runs is what the plan binds: a file of code is looked at before each command, and hashed again when its mark changed.
 * Not responsible for: code that a step writes and declares as its output (the plan does not bind it), and what changes a file between
 * this look and the command reading it: steps of the same user can do that (S6); an isolated step gets its own verified copies.
 */
import { LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import { digestFile } from "../graph/bind-code.ts";
import type { FileTree } from "../ports/file-tree.ts";

export class CodeGuard {
  readonly #code: PlanDocument["code"];
  readonly #tree: FileTree;
  readonly #marks = new Map<string, string>();

  constructor(plan: Pick<PlanDocument, "code">, tree: FileTree) {
    this.#code = plan.code;
    this.#tree = tree;
  }

  /** Throws WORKFLOW_DRIFT naming the first file that is not what the plan binds. */
  async check(): Promise<void> {
    for (const { path, digest } of this.#code) {
      const place = parseRelativePath(path);
      const entry = await this.#tree.stat(place);
      if (entry !== null && this.#marks.get(path) === entry.mark) continue;
      const seen = entry === null || entry.kind !== "file" ? null : await digestFile(this.#tree, place);
      if (entry === null || seen !== digest) {
        const state = seen === null ? "is missing or no regular file" : `is now ${seen}`;
        throw new LilyError("WORKFLOW_DRIFT", `${path} changed after planning: the plan binds ${digest}, it ${state}`, { details: { path } });
      }
      this.#marks.set(path, entry.mark);
    }
  }
}
