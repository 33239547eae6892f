import { type Layers, readLayers } from "../check/layers.ts";
import { heading, type Page, table } from "./page.ts";

const introduction = `
Lily is one npm package. Each folder of \`src/\` is a room with one duty. A room may import only what its row allows; the check
\`npm run check\` reads the same table and refuses anything else, type-only imports and import cycles included.

Three rules shape the table.

- Pure rooms reach the outside only through the interfaces in \`ports/\`. They name no clock, no randomness, no environment and no Node
  built-in, except \`node:crypto\` in \`base/digest.ts\`. They are compiled once more without Node's types, so that a slip is a compile error.
  This is what lets a simulation drive the real code with virtual time.
- Deciding is not doing. \`judge\` turns facts into verdicts and never runs anything; \`runtime\` runs things and never judges.
- Adapters know a technology and the ports, never each other. \`presets\` chooses among them.
`;

const flow = `
## How a run flows

1. \`graph\` checks the workflow document and compiles the plan, which has a digest.
2. \`runtime\` asks the scheduler in \`graph\` what to do next. The scheduler is a pure function of the plan and the folded record.
3. Each answer is first appended to the run's record by \`ledger\`, which acknowledges only after the commit is durable
   ([decision 0002](decisions/0002-commit-point.md)); only then is the step started.
4. Outputs go through \`artifacts\` into the object store under their SHA-256.
5. What a gate observed goes to \`judge\`; the verdict is stored as an artifact and recorded as an event.
6. \`audit\` folds records into the views that people read. Nothing that executes imports it.
`;

/** `docs/architecture.md`. */
export function architecturePage(root: string): Page {
  return { path: "docs/architecture.md", render: () => render(readLayers(root)) };
}

function render(layers: Layers): string {
  const rooms = Object.entries(layers.rooms);
  const rows = rooms.map(([name, room]) => [
    `\`${name}\``,
    room.duty,
    codeList(room.imports),
    codeList(room.packages),
    room.pure ? (room.node.length === 0 ? "pure" : `pure, but for ${codeList(room.node.map((item) => `node:${item}`))}`) : "no",
  ]);
  return [
    heading("Architecture", "layers.json"),
    introduction,
    "## Rooms\n",
    table(["room", "duty", "may import", "packages", "pure"], rows),
    "\n## Arrows\n\nOnly the arrows that no longer path implies are drawn.\n\n```mermaid",
    mermaid(layers),
    "```",
    flow,
    "Words: [glossary](glossary.md). Promises: [invariants](invariants.md). Why it is so: [decisions](decisions/README.md).\n",
  ].join("\n");
}

function codeList(items: readonly string[]): string {
  return items.length === 0 ? "nothing" : items.map((item) => `\`${item}\``).join(", ");
}

function mermaid(layers: Layers): string {
  const lines = Object.entries(layers.rooms).flatMap(([name, room]) => {
    const direct = room.imports.filter((target) => !room.imports.some((other) => other !== target && reaches(layers, other, target)));
    return direct.map((target) => `  ${name} --> ${target}`);
  });
  return ["flowchart TD", ...lines].join("\n");
}

function reaches(layers: Layers, from: string, target: string): boolean {
  const imports = layers.rooms[from]?.imports ?? [];
  return imports.includes(target) || imports.some((next) => reaches(layers, next, target));
}
