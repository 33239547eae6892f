import { type Bite, vitest } from "./bite.ts";

const sandbox = vitest("src/adapters/process/bubblewrap.test.ts");
const outcomes = vitest("src/adapters/process/bubblewrap-outcomes.test.ts");
const observer = vitest("src/adapters/fs/change-observer");
const mounts = "src/adapters/process/bubblewrap-mounts.ts";

/** The sandbox, and comparing before and after. */
export const enforcementBites: readonly Bite[] = [
  {
    name: "protected-path-moved-away",
    breaks: "what is read-only inside a writable folder stays where it is",
    edits: [{ file: mounts, find: "[...sandbox.writable, ...anchors(sandbox)]", replace: "sandbox.writable" }],
    suite: sandbox,
  },
  {
    name: "root-keeps-its-rights",
    breaks: "root in a sandbox can do nothing to mounts",
    edits: [{ file: "src/adapters/process/bubblewrap.ts", find: '"--cap-drop", "ALL", ', replace: "" }],
    suite: sandbox,
  },
  {
    name: "descriptor-handed-down",
    breaks: "a folder that is open in Lily leads no command out of its sandbox",
    edits: [{ file: "src/adapters/process/execution.ts", find: ", ...withheld()", replace: "" }],
    suite: sandbox,
  },
  {
    name: "sandbox-told-to-end",
    breaks: "a command in a sandbox has its grace after SIGTERM",
    edits: [
      {
        file: "src/adapters/process/process-tree.ts",
        find: 'if (this.#sandboxed && name === "SIGTERM") {',
        replace: "if (this.#sandboxed && this.#leaderGone) {",
      },
    ],
    suite: outcomes,
  },
  {
    name: "full-queue-taken-for-silence",
    breaks: "a queue of the kernel that ran over is doubt",
    edits: [{ file: "src/adapters/fs/change-observer-watch.ts", find: "    if (this.events > eventsMax) return false;\n", replace: "" }],
    suite: observer,
  },
  {
    name: "window-of-another-forgotten",
    breaks: "what one window notices first is told by all that are open",
    edits: [
      {
        file: "src/adapters/fs/change-observer.ts",
        find: "for (const window of this.#windows) if (!window.before.has(path))",
        replace: "for (const window of [...this.#windows].slice(-1)) if (!window.before.has(path))",
      },
    ],
    suite: observer,
  },
];
