import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { Bed, filesBelow, flow, sh, stepOf } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const file = (more: JsonObject = {}): JsonObject => ({ outputs: { o: { path: "out/o", ...more } } });
const numberSchema =
  '{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}';

async function textOf(id: string | undefined): Promise<string> {
  return new TextDecoder().decode(await (await bed.kernel()).artifacts.get(id ?? ""));
}

describe("outputs of a step", () => {
  test("A1: a file is kept by its digest, with provenance", async () => {
    const { view } = await bed.run(flow({ a: sh("mkdir -p out; printf hello > out/o", file()) }));
    const [id] = stepOf(view, "a").produced_artifact_ids;
    expect(await textOf(id)).toBe("hello");
    expect(await (await bed.kernel()).artifacts.show(id ?? "")).toMatchObject({
      artifact_name: "o",
      producer_id: "a",
      producer_kind: "tool",
      storage_kind: "file",
      size: 5,
      stored_in: "object",
    });
  });

  test("a glob gives each file that the step wrote, in path order, and not what was there before", async () => {
    bed.write("out/old.txt", "old");
    const steps = { a: sh("printf 1 > out/b.txt; printf 2 > out/a.txt", { outputs: { o: { glob: "out/*.txt" } } }), b: { run: ["cat", "x"], with: {} } };
    const { view } = await bed.run(flow({ a: steps.a }));
    const made = stepOf(view, "a").produced_artifact_ids;
    expect(await Promise.all(made.map(textOf))).toEqual(["2", "1"]);
  });

  test("an optional output may be absent; a missing one fails the step by name", async () => {
    const optional = await bed.run(flow({ a: sh("true", file({ optional: true })), g: sh("true", { outputs: { o: { glob: "none/*", optional: true } } }) }));
    expect(optional.view.status).toBe("succeeded");
    expect(stepOf(optional.view, "a").produced_artifact_ids).toEqual([]);
    for (const outputs of [{ o: { path: "out/o" } }, { o: { glob: "out/*" } }]) {
      const { view } = await bed.run(flow({ a: sh("true", { outputs }) }));
      expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_MISSING", reason: expect.stringContaining("output o") });
    }
  });

  test("a step that uses an optional output which was not made fails by name", async () => {
    const { view } = await bed.run(flow({ a: sh("true", file({ optional: true })), b: { run: ["cat", "${steps.a.outputs.o}"] } }));
    expect(stepOf(view, "b").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_MISSING", reason: expect.stringContaining("steps.a.outputs.o") });
  });

  test("a file that was there before and was not written again does not count", async () => {
    bed.write("out/o", "stale");
    const { view } = await bed.run(flow({ a: sh("true", file()) }));
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_MISSING", reason: expect.stringContaining("was there before") });
    const again = await bed.run(flow({ a: sh("printf fresh > out/o", file()) }));
    expect(again.view.status).toBe("succeeded");
  });

  const refused: readonly (readonly [string, string])[] = [
    ["a link", "ln -s /etc/hostname out/o"],
    ["a link that leads nowhere", "ln -s nowhere out/o"],
    ["a hard link to another file", "echo x > other; ln other out/o"],
    ["a FIFO", "mkfifo out/o"],
    ["a folder", "mkdir out/o"],
    ["behind a folder that is a link", "rmdir out; mkdir real; echo x > real/o; ln -s real out"],
    ["a link to a device", "ln -s /dev/zero out/o"],
  ];
  for (const [what, make] of refused) {
    test(`an output that is ${what} is refused by name, and never waited for`, async () => {
      const { view } = await bed.run(flow({ a: sh(`mkdir -p out; ${make}`, file()) }));
      expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_INVALID", reason: expect.stringContaining("output o: out/o") });
      await bed.expectAnchored(view.run_id);
    });
    test(`a glob that finds ${what} is refused or finds nothing`, async () => {
      const { view } = await bed.run(flow({ a: sh(`mkdir -p out; ${make}`, { outputs: { o: { glob: "out/*" } } }) }));
      expect(view.status).toBe("failed");
      expect(stepOf(view, "a").attempts[0]?.error?.code).toMatch(/^STEP_OUTPUT_(INVALID|MISSING)$/);
    });
  }

  test.skipIf(process.getuid?.() !== 0)("an output that is a device is refused", async () => {
    const { view } = await bed.run(flow({ a: sh("mkdir -p out; mknod out/o c 1 5", file()) }));
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_INVALID" });
  });

  const documents: readonly (readonly [string, string, RegExp])[] = [
    ["no JSON", "not json", /JSON/],
    ["not UTF-8", "\\377\\376", /UTF-8/],
    ["another shape", '{\\"n\\":\\"one\\"}', /number_row\.v1/],
    ["a duplicate key", '{\\"n\\":1,\\"n\\":2}', /duplicate key/],
    ["a prototype key", '{\\"__proto__\\":1}', /__proto__/],
  ];
  for (const [what, content, reason] of documents) {
    test(`A2: a document output that holds ${what} fails the step`, async () => {
      bed.write("lily.yaml", "schemas: {number_row.v1: ./row.json}\n");
      bed.write("row.json", numberSchema);
      const { view } = await bed.run(flow({ a: sh(`mkdir -p out; printf "${content}" > out/o`, file({ schema: "number_row.v1" })) }));
      expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_INVALID", reason: expect.stringMatching(reason) });
    });
  }

  test("A2: a document that is deeper than the limit fails the step", async () => {
    bed.write("lily.yaml", "schemas: {number_row.v1: ./row.json}\n");
    bed.write("row.json", "{}");
    bed.write("deep.json", `${"[".repeat(500)}${"]".repeat(500)}`);
    const { view } = await bed.run(flow({ a: sh("mkdir -p out; cp deep.json out/o", file({ schema: "number_row.v1" })) }));
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "STEP_OUTPUT_INVALID", reason: expect.stringContaining("deeper than") });
  });

  test("A2: plain JSON gets its envelope from Lily, and a command is given the payload", async () => {
    bed.write("lily.yaml", "schemas: {number_row.v1: ./row.json}\n");
    bed.write("row.json", numberSchema);
    const steps = { a: sh(`mkdir -p out; echo '{ "n": 3 }' > out/o`, file({ schema: "number_row.v1" })), b: { run: ["cat", "${steps.a.outputs.o}"] } };
    const { view } = await bed.run(flow(steps));
    const kernel = await bed.kernel();
    const [id] = stepOf(view, "a").produced_artifact_ids;
    expect(JSON.parse(await textOf(id))).toMatchObject({
      meta: { schema_id: "number_row.v1", producer_id: "a", payload_sha256: expect.any(String) },
      payload: { n: 3 },
    });
    const [log] = await kernel.runs.logs(view.run_id, { step: "b" });
    expect(readFileSync(log?.absolutePath ?? "", "utf8")).toBe('{"n":3}');
  });

  test("names that are long or strange in Unicode are kept", async () => {
    const name = `${"é".repeat(100)}😀 b.txt`;
    const { view } = await bed.run(flow({ a: sh(`mkdir -p out; printf x > "out/${name}"`, { outputs: { o: { glob: "out/*" } } }) }));
    expect(view.status).toBe("succeeded");
  });

  test("deep paths beyond the limit of a path are refused, not cut", async () => {
    const deep = "i=0; mkdir -p out; cd out; while [ $i -lt 9 ]; do d=$(printf '%0150d' $i); mkdir $d; cd $d; i=$((i+1)); done; printf x > f";
    const { view } = await bed.run(flow({ a: sh(deep, { outputs: { o: { glob: "out/**" } } }) }));
    expect(view.status).toBe("failed");
    expect(stepOf(view, "a").attempts[0]?.error?.code).toMatch(/PATH_INVALID|STEP_OUTPUT/);
  });

  test("S7: the workspace cannot be taken as an output", async () => {
    const { view } = await bed.run(flow({ a: sh("true", { outputs: { o: { glob: "**/authority.db", optional: true } } }) }));
    expect(stepOf(view, "a").produced_artifact_ids).toEqual([]);
    await expect(bed.run(flow({ a: sh("true", { outputs: { o: { glob: ".lily/**" } } }) }))).rejects.toMatchObject({
      code: "WORKFLOW_INVALID",
      message: expect.stringContaining(".lily"),
    });
  });
});

describe("logs", () => {
  test("binary and large output is kept as it is", async () => {
    bed.write("flood.mjs", "process.stdout.write(Buffer.alloc(300_000, 0xff)); process.stderr.write('e')");
    const { view } = await bed.run(flow({ a: { run: ["node", "flood.mjs"] } }));
    expect(view.status).toBe("succeeded");
    const logs = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    expect(logs.map((log) => [log.artifact_name, log.size]).sort(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
      ["stderr.txt", 1],
      ["stdout.txt", 300_000],
    ]);
  });

  test("endless output is ended at the limit, what came before stays and is marked", async () => {
    const { view } = await bed.run(flow({ a: sh("yes", { log_limit: 2_048 }) }));
    expect(stepOf(view, "a").attempts[0]).toMatchObject({
      outcome: "failed",
      error: { code: "STEP_OUTPUT_LIMIT" },
      executor_summary: { output_cut: true, stdout_bytes: 2_048 },
    });
  });

  test("short binary output is kept as a file", async () => {
    const { view } = await bed.run(flow({ a: sh("printf '\\377\\376'") }));
    const [log] = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    expect(log).toMatchObject({ storage_kind: "file", size: 2 });
  });
});

describe("an isolated folder", () => {
  test("holds code and inputs byte for byte as they were bound, and nothing else", async () => {
    bed.write("steps/a.mjs", "import {readdirSync} from 'node:fs'; console.log(readdirSync('.', {recursive: true}).sort().join(' '))");
    bed.write("lib/x.txt", "x");
    bed.write("data/in.csv", "a,b\n");
    bed.write("secret.txt", "not code");
    const { view } = await bed.run(
      flow({ a: { run: ["node", "steps/a.mjs"], uses: ["lib/**"], workdir: "isolated" } }, { inputs: { csv: { file: "data/in.csv" } } }),
    );
    expect(view.status).toBe("succeeded");
    const logs = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    expect(await textOf(logs[0]?.artifact_id)).toBe("data data/in.csv lib lib/x.txt steps steps/a.mjs\n");
  });

  test("an input with a schema is there as its payload", async () => {
    bed.write("lily.yaml", "schemas: {number_row.v1: ./row.json}\n");
    bed.write("row.json", numberSchema);
    bed.write("in.json", '{ "n": 5 }');
    const { view } = await bed.run(
      flow({ a: { run: ["cat", "in.json"], workdir: "isolated" } }, { inputs: { row: { file: "in.json", schema: "number_row.v1" } } }),
    );
    expect(view).toMatchObject({ status: "succeeded" });
    const [log] = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    expect(await textOf(log?.artifact_id)).toBe('{"n":5}');
  });

  test("outputs are taken from it, its gates work in it, and its files are gone when the run rests", async () => {
    const { view } = await bed.run(
      flow({ a: sh("printf x > o", { workdir: "isolated", outputs: { o: { path: "o" } }, gates: [{ id: "g", run: ["test", "-f", "o"] }] }) }),
    );
    expect(view.gates.map((gate) => gate.status)).toEqual(["passed"]);
    expect(bed.has("o")).toBe(false);
    expect(filesBelow(join(bed.workspaceDir, "runs", view.run_id)).filter((path) => path.includes("/1/work/"))).toEqual([]);
  });
});

describe("inputs", () => {
  test("a file of the workflow's folder or one that the caller names; a missing one is refused before a run exists", async () => {
    const document = flow({ a: { run: ["cat", "${inputs.csv}"] } }, { inputs: { csv: { file: "in.csv" } } });
    await expect(bed.start(document)).rejects.toMatchObject({ code: "INPUT_NOT_FOUND", message: expect.stringContaining("csv") });
    await expect(bed.start(document, { inputs: { other: "/tmp/x" } })).rejects.toMatchObject({ code: "PARAM_INVALID" });
    await expect(bed.start(flow({ a: sh("true") }, { inputs: { csv: {} } }))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    expect(await (await bed.kernel()).runs.list()).toEqual([]);
    bed.write("in.csv", "own");
    const other = bed.write("elsewhere/given.csv", "given");
    const own = await bed.run(document);
    const given = await bed.run(document, { inputs: { csv: other } });
    expect(await textOf(own.view.inputs["csv"])).toBe("own");
    expect(await textOf(given.view.inputs["csv"])).toBe("given");
  });

  test("an input that does not fit its schema is refused by name", async () => {
    bed.write("lily.yaml", "schemas: {number_row.v1: ./row.json}\n");
    bed.write("row.json", numberSchema);
    bed.write("in.json", '{"n":"x"}');
    await expect(bed.run(flow({ a: sh("true") }, { inputs: { row: { file: "in.json", schema: "number_row.v1" } } }))).rejects.toMatchObject({
      code: "SCHEMA_MISMATCH",
      message: expect.stringContaining("input row"),
    });
  });

  test("an input under a long name from a file with a long name is taken", async () => {
    const long = "f".repeat(250);
    bed.write(long, "x");
    const name = "n".repeat(120);
    const { view } = await bed.run(flow({ a: sh("true") }, { inputs: { [name]: { file: long } } }));
    expect(view.status).toBe("succeeded");
  });

  test("an input that is a link, a FIFO or a folder is refused", async () => {
    bed.write("real", "x");
    execFileSync("sh", ["-c", "ln -s real link; mkfifo fifo; mkdir folder; ln real hard"], { cwd: bed.dir });
    for (const path of ["link", "fifo", "folder", "hard"]) {
      await expect(bed.run(flow({ a: sh("true") }, { inputs: { i: { file: path } } }))).rejects.toMatchObject({ code: "PATH_INVALID" });
    }
  });
});

describe("the environment of a step", () => {
  test("is empty but for PATH, HOME and what the step names", async () => {
    process.env["BED_ONE"] = "1";
    process.env["BED_TWO"] = "2";
    process.env["OTHER_BED"] = "3";
    const { view } = await bed.run(flow({ a: { run: ["env"], env: { TZ: "UTC", NOTE: "${run.id}" }, env_from: ["BED_*"] } }));
    const [log] = await (await bed.kernel()).artifacts.list({ run_id: view.run_id, artifact_type: "log" });
    const names = (await textOf(log?.artifact_id))
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(names.sort((a, b) => String(a).localeCompare(String(b)))).toEqual(["BED_ONE", "BED_TWO", "HOME", "LILY_RUN", "NOTE", "PATH", "TZ"]);
  });
});

describe("secrets", () => {
  const secret = "s3cr3t/Canary+value=42";
  const forms = (): readonly string[] => {
    const bytes = Buffer.from(secret);
    return [
      secret,
      bytes.toString("base64"),
      bytes.toString("base64url"),
      bytes.toString("hex"),
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(`x${secret}`).toString("base64").slice(4, -4),
    ];
  };
  const found = (): readonly string[] => {
    const hits: string[] = [];
    for (const path of filesBelow(bed.root)) {
      const content = readFileSync(path).toString("latin1");
      for (const form of forms()) if (content.includes(form)) hits.push(`${path}: ${form}`);
    }
    return hits;
  };
  beforeEach(() => {
    process.env["BED_SECRET"] = secret;
  });
  afterEach(() => {
    delete process.env["BED_SECRET"];
  });

  test("a secret that the caller does not have fails the step by name", async () => {
    const { view } = await bed.run(flow({ a: sh("true", { secrets: ["BED_NO_SECRET"] }) }));
    expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "INPUT_NOT_FOUND", reason: expect.stringContaining("BED_NO_SECRET") });
  });

  test("S4: a printed secret reaches no record, log, object or index, in any common form", async () => {
    const print = 'echo "$BED_SECRET"; printf %s "$BED_SECRET" | base64; printf %s "$BED_SECRET" | od -An -tx1 | tr -d " \\n"; echo; echo "$BED_SECRET" >&2';
    const gates = [{ id: "g", run: ["sh", "-c", `${print}; echo "{\\"reason\\":\\"$BED_SECRET\\"}"; exit 1`], secrets: ["BED_SECRET"] }];
    const { view } = await bed.run(flow({ a: sh(print, { secrets: ["BED_SECRET"], gates }) }));
    expect(view.gates[0]).toMatchObject({ status: "failed", reason: "[redacted]" });
    await bed.close();
    expect(found()).toEqual([]);
  });

  test("S4: an output that holds a secret is refused and not stored, as file, document and value", async () => {
    bed.write("lily.yaml", "modules: {leak: ./leak.mjs}\nschemas: {any.v1: ./any.json}\n");
    bed.write("any.json", "{}");
    bed.write("leak.mjs", moduleText("leak", "return { v: { deep: [`x${context.env.BED_SECRET}`] } };"));
    const secrets = ["BED_SECRET"];
    const steps = {
      file: sh('head -c 100000 /dev/zero > /tmp/$$; mkdir -p out; { cat /tmp/$$; printf %s "$BED_SECRET"; cat /tmp/$$; } > out/f; rm /tmp/$$', {
        secrets,
        outputs: { o: { path: "out/f" } },
      }),
      json: sh('printf \'{"a":"%s"}\' "$BED_SECRET" > out-json', { secrets, outputs: { o: { path: "out-json", schema: "any.v1" } } }),
      value: { module: "leak", secrets, outputs: { v: {} } },
    };
    const routes = Object.keys(steps).map((id) => ({ id, when: { step: id }, do: { continue: true } }));
    const { view } = await bed.run(flow(steps, { routes }), { parallel: 1 });
    for (const id of Object.keys(steps)) expect([id, stepOf(view, id).attempts[0]?.error?.code]).toEqual([id, "STEP_OUTPUT_INVALID"]);
    await bed.close();
    expect(found().filter((hit) => hit.includes("/.lily/") || hit.includes("/data/"))).toEqual([]);
  });

  test("S4: what a module logs or throws is redacted", async () => {
    bed.write("lily.yaml", "modules: {leak: ./leak.mjs}\n");
    bed.write(
      "leak.mjs",
      moduleText(
        "leak",
        "context.log(`see ${context.env.BED_SECRET} ${Buffer.from(context.env.BED_SECRET).toString('base64')}`); throw new Error(`cannot log in with ${context.env.BED_SECRET}`);",
      ),
    );
    for (const isolation of ["none", "process"]) {
      const { view } = await bed.run(flow({ a: { module: "leak", secrets: ["BED_SECRET"], isolation } }));
      expect(stepOf(view, "a").attempts[0]?.error).toMatchObject({ code: "MODULE_FAILED", reason: expect.stringContaining("cannot log in with [redacted]") });
    }
    await bed.close();
    expect(found()).toEqual([]);
  });
});

function moduleText(name: string, body: string): string {
  const url = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
  return `import { defineModule } from ${JSON.stringify(url)};\nexport const m = defineModule({ name: ${JSON.stringify(name)}, version: "1", async run(context, input) { ${body} } });\n`;
}
