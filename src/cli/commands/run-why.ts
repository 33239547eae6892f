import type { WhyChange, WhyView } from "../../contracts/why-view.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { table } from "../render/table.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

/** Digits of a digest that are shown; the certificate has all of them. */
const digitsShown = 12;

export async function runWhy(cli: CliContext, _flags: object, run: string, step: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.runs.why(run, step);
    answer(cli, view, () => whyText(cli, view));
    return 0;
  });
}

function whyText(cli: CliContext, view: WhyView): string {
  // A breach has a name and no value that changed; the sentence says it.
  const changed = view.changed.filter(({ before, after }) => before !== null || after !== null);
  const changes = changed.map(({ kind, name, before, after }) => [kind, name, shortDigest(before), shortDigest(after)]);
  const { advice } = view;
  const options = { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) };
  return [
    plainText(view.because),
    ...(changed.length === 0 ? [] : [table(["CHANGED", "NAME", "BEFORE", "AFTER"], changes, options)]),
    ...(advice === null ? [] : [plainText(advice)]),
  ].join("\n");
}

function shortDigest(digest: WhyChange["before"]): string {
  if (digest === null) return "-";
  return digest.startsWith("sha256:") ? digest.slice("sha256:".length, "sha256:".length + digitsShown) : digest;
}
