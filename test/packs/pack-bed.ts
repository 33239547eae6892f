/** Packs in a test's own folder. */
import type { JsonObject } from "../../src/base/json-value.ts";
import { repoModule } from "./repo-module.ts";
import type { Bed } from "../runtime/bed.ts";

export interface PackText {
  readonly manifest: string;
  readonly files?: Readonly<Record<string, string>>;
}

/** A manifest with the given members, as YAML in flow style, so that every member has a line. */
export function manifestText(pack: string, members: JsonObject = {}): string {
  const whole: JsonObject = { pack, version: "1.0.0", kernel: ">=0.1.0 <1", ...members };
  return Object.entries(whole)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`)
    .join("");
}

/** Writes a pack below `packs/` and names it, with the others so far, in lily.yaml. */
export function writePacks(bed: Bed, packs: Readonly<Record<string, PackText>>, more = ""): void {
  for (const [name, { manifest, files = {} }] of Object.entries(packs)) {
    bed.write(`packs/${name}/lily-pack.yaml`, manifest);
    for (const [path, text] of Object.entries(files)) bed.write(`packs/${name}/${path}`, text);
  }
  bed.write(
    "lily.yaml",
    `packs: [${Object.keys(packs)
      .map((name) => `./packs/${name}`)
      .join(", ")}]\n${more}`,
  );
}

/** The text of a module file whose run is `body`, with `context` and `input`. */
export function moduleText(body: string, name = "m"): string {
  return `import { defineModule } from ${JSON.stringify(repoModule)};\nexport const m = defineModule({ name: ${JSON.stringify(name)}, version: "1", async run(context, input) { ${body} } });\n`;
}
