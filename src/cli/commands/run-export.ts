import type { Kernel } from "../../kernel/kernel.ts";
import type { CliContext } from "../cli-context.ts";
import { withKernel } from "../open-workspace.ts";
import { drawGraph } from "../render/draw-graph.ts";
import { jsonText } from "../render/json-text.ts";
import { paintFor } from "../render/paint.ts";
import { plainText } from "../render/plain-text.ts";
import { answer } from "../write-output.ts";
import { writeOutputFile } from "../write-output-file.ts";

export interface RunExportFlags {
  readonly format: "chrome-trace" | "provenance-json" | "dot" | "mermaid" | "execution-record";
  readonly out?: string;
  readonly force: boolean;
}

export async function runExport(cli: CliContext, { format, out, force }: RunExportFlags, run: string): Promise<number> {
  return await withKernel(cli, async (kernel) => {
    const exported = format === "dot" || format === "mermaid" ? await drawn(cli, kernel.provenance(run), format) : await kernel.audit.export(run, format);
    const text = typeof exported === "string" ? exported : jsonText(exported);
    if (out === undefined) {
      answer(cli, typeof exported === "string" ? { format, text: exported } : exported, () => text);
      return 0;
    }
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    const path = await writeOutputFile(cli, { path: out, force, advice: "add --force to replace it, or --out FILE for another" }, whole);
    const size = Buffer.byteLength(text);
    answer(cli, { path, size, format }, () => `wrote ${format} of ${plainText(run)} to ${plainText(path)}`);
    return 0;
  });
}

async function drawn(cli: CliContext, graph: ReturnType<Kernel["provenance"]>, format: "dot" | "mermaid"): Promise<string> {
  return drawGraph(await graph, format, { paint: paintFor(cli, cli.stdout), width: null });
}
