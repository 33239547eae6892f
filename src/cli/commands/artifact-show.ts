import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";

export async function artifactShow(cli: CliContext, _flags: object, id: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const view = await kernel.artifacts.show(id);
    const paint = paintFor(cli, cli.stdout);
    const rows: readonly (readonly [string, string])[] = [
      ["name", view.artifact_name ?? "-"],
      ["type", view.artifact_type],
      ["digest", view.digest],
      ["bytes", `${view.size} ${view.media_type}, in the ${view.stored_in === "object" ? "object store" : "record"}`],
      ["run", view.run_id],
      ["producer", `${view.producer_id} (${view.producer_kind})`],
      ["created", view.created_at],
      ["inputs", view.inputs.length === 0 ? "none" : view.inputs.join(" ")],
    ];
    answer(cli, view, () => [plainText(view.artifact_id), ...rows.map(([name, value]) => `  ${paint("dim", name.padEnd(9))} ${plainText(value)}`)].join("\n"));
    return 0;
  });
}
