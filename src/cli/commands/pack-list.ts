import type { PackRow } from "../../kernel/pack-views.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { type Paint, paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";

export async function packList(cli: CliContext): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const packs = await kernel.packs.list();
    answer(cli, { packs }, () => {
      if (packs.length === 0) return "no packs; name them in lily.yaml under packs";
      const paint = paintFor(cli, cli.stdout);
      return packs.map((pack) => packText(pack, paint)).join("\n");
    });
    return 0;
  });
}

const kinds = [
  ["schemas", "schemas"],
  ["modules", "modules"],
  ["executors", "executors"],
  ["step_templates", "step templates"],
  ["gate_templates", "gate templates"],
  ["routes", "routes"],
] as const;

function packText({ name, version, title, digest, dir, files, brings }: PackRow, paint: Paint): string {
  const lines = [`${paint("good", plainText(name))} ${plainText(version)}${title === null ? "" : `  ${plainText(title)}`}`];
  lines.push(`  digest  ${digest}, of ${files} ${files === 1 ? "file" : "files"}`, `  folder  ${plainText(dir)}`);
  for (const [member, words] of kinds) if (brings[member].length > 0) lines.push(`  ${words}: ${brings[member].map(plainText).join(", ")}`);
  if (brings.policy) lines.push("  a policy");
  return lines.join("\n");
}
