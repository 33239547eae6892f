/** A small project of pure steps, as data: what can be changed of it is a function from one world to another. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { JsonObject } from "../../src/base/json-value.ts";
import type { Bed } from "../runtime/bed.ts";

export interface World {
  /** Content by path; those below `bin/` are executable. */
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly params: Readonly<Record<string, string | number>>;
  /** Files given in place of the document's, by input name. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly document: JsonObject;
}

const moduleImport = JSON.stringify(new URL("../../src/runtime/define-module.ts", import.meta.url).href);

const files: Readonly<Record<string, string>> = {
  "lily.yaml": "modules: { m.sum: ./modules/sum.mjs }\nschemas: { table.v1: ./schemas/table.json, total.v1: ./schemas/total.json }\n",
  "data/in.csv": "day,temp\n1,10\n2,20\n3,30\n",
  "data/extra.txt": "extra\n",
  "lib/common.sh": "greet() { printf 'hello '; }\n",
  "lib/names.sh": "table_name() { printf out/table.csv; }\n",
  "steps/fetch.sh": '. lib/common.sh\n. lib/names.sh\nmkdir -p out\nhead -n 3 data/in.csv > "$(table_name)"\nprintf "%s\\n" "$YEAR" >> "$(table_name)"\n',
  "steps/wide.sh":
    'mkdir -p out\ncat "$1" data/extra.txt > out/a.txt\nprintf "%s" "$CORPUS_A$CORPUS_SECRET" | cksum > out/b.txt\nenv | grep "^CORPUS_WILD_" | sort > out/c.txt || true\n',
  "steps/label.sh": '. lib/common.sh\nmkdir -p out\n{ greet; printf "%s %s %s\\n" "$1" "$TZ" "$LABEL_MODE"; } > out/label.txt\n',
  "gates/positive.sh": 'grep -q "[1-9]" "$1"\n',
  "bin/tool-a": '#!/bin/sh\nmkdir -p out\nn=$(wc -l < "$1")\nprintf \'{"rows":%d}\' "$n" > "$2"\n',
  "bin/tool-b": '#!/bin/sh\ntest -s "$1"\n',
  "modules/sum.mjs": `import { defineModule } from ${moduleImport};\nimport { times } from "./times.mjs";\nexport const sum = defineModule({ name: "m.sum", version: "1", run: (context, input) => ({ total: times(input.table.rows, input.factor) }) });\n`,
  "modules/times.mjs": "export const times = (a, b) => a * b;\n",
  "schemas/table.json": '{"type":"object","properties":{"rows":{"type":"integer"}},"required":["rows"],"additionalProperties":false}',
  "schemas/total.json": '{"type":"integer"}',
  "package-lock.json": '{"name":"corpus","lockfileVersion":3}\n',
  "README.md": "Not code.\n",
};

const document: JsonObject = {
  workflow: "corpus",
  version: 1,
  params: {
    year: { type: "integer", default: 2015 },
    factor: { type: "integer", default: 2 },
    label: { type: "string", default: "world" },
    mode: { type: "string", default: "plain" },
    unused: { type: "string", default: "x" },
  },
  inputs: { csv: { file: "data/in.csv" }, extra: { file: "data/extra.txt" } },
  workdir: "isolated",
  steps: {
    fetch: {
      run: ["sh", "steps/fetch.sh"],
      env: { YEAR: "${params.year}" },
      reads: ["csv"],
      uses: ["steps/fetch.sh", "lib/**"],
      pure: true,
      outputs: { table: { path: "out/table.csv" } },
    },
    clean: {
      run: ["tool-a", "${steps.fetch.outputs.table}", "out/clean.json"],
      uses: ["lib/names.sh"],
      pure: true,
      outputs: { table: { path: "out/clean.json", schema: "table.v1" } },
    },
    sum: {
      module: "m.sum",
      isolation: "process",
      with: { table: "${steps.clean.outputs.table}", factor: "${params.factor}" },
      uses: ["modules/**"],
      pure: true,
      outputs: { total: { schema: "total.v1" } },
      gates: [
        { id: "positive", run: ["sh", "gates/positive.sh", "${steps.sum.outputs.total}"] },
        { id: "shape", schema: "total.v1", of: "${steps.sum.outputs.total}" },
      ],
    },
    wide: {
      run: ["sh", "steps/wide.sh", "${steps.fetch.outputs.table}"],
      reads: ["extra"],
      uses: ["steps/wide.sh"],
      env_from: ["CORPUS_A", "CORPUS_WILD_*"],
      secrets: ["CORPUS_SECRET"],
      env_affects_output: true,
      pure: true,
      outputs: { parts: { glob: "out/*.txt" } },
    },
    label: {
      run: ["sh", "steps/label.sh", "${params.label}"],
      env: { TZ: "UTC", LABEL_MODE: "m-${params.mode}" },
      uses: ["steps/label.sh", "lib/common.sh"],
      pure: true,
      outputs: { text: { path: "out/label.txt" } },
      gates: [{ id: "present", run: ["tool-b", "${steps.label.outputs.text}"] }],
    },
    last: { run: ["true"], needs: ["sum", "wide", "label"] },
  },
};

export function baseWorld(root: string): World {
  const env = { PATH: `${root}/bin:/usr/bin:/bin`, HOME: "/house", CORPUS_A: "one", CORPUS_WILD_X: "wild", CORPUS_SECRET: "s3cret-value-0" };
  return { files, env, params: {}, inputs: {}, document };
}

export const pureSteps = ["fetch", "clean", "sum", "wide", "label"] as const;
export type PureStep = (typeof pureSteps)[number];

/** Turns one world into another: only what differs is written. */
export class Stage {
  readonly #bed: Bed;
  #now: World | null = null;

  constructor(bed: Bed) {
    this.#bed = bed;
  }

  enter(next: World): void {
    const before: Pick<World, "files" | "env"> = this.#now ?? { files: {}, env: {} };
    for (const [path, content] of Object.entries(next.files)) {
      if (before.files[path] !== content) this.#bed.write(path, content, path.startsWith("bin/") ? 0o755 : 0o644);
    }
    for (const path of Object.keys(before.files)) if (!Object.hasOwn(next.files, path)) rmSync(join(this.#bed.dir, path));
    for (const name of Object.keys(before.env)) if (!Object.hasOwn(next.env, name)) delete process.env[name];
    Object.assign(process.env, next.env);
    this.#now = next;
  }
}
