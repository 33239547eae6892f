import { describe, expect, test } from "vitest";
import { textWidth } from "../../src/cli/render/text-width.ts";
import { fakeKernel } from "./fake-kernel.ts";
import { fakeHost, lily } from "./fake-host.ts";
import { main } from "../../src/cli/main.ts";
import type { LocalPreset } from "../../src/cli/cli-context.ts";
import type { RunView } from "../../src/contracts/run-view.ts";
import { badEvents, failedView, goodEvents, runView, step } from "./sample-run.ts";

const failed = { view: failedView(), events: badEvents };
const esc = "\u001b";
// biome-ignore lint/suspicious/noControlCharactersInRegex: colour sequences are what is looked for
const colour = /\u001b\[\d+m/;

/** What a terminal shows after all writes: enough of a terminal for the sequences that we use. */
function screen(text: string): readonly string[] {
  const lines: string[] = [""];
  let row = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is played
  for (const [part] of text.matchAll(/\u001b\[(\d+)A\r|\u001b\[J|\u001b\[\?25[lh]|\u001b\[\d+m|\n|[^\u001b\n]+/g)) {
    if (part.endsWith("A\r")) row -= Number(/\d+/.exec(part)?.[0]);
    else if (part === `${esc}[J`) lines.splice(row, lines.length, "");
    else if (part === "\n") lines[++row] ??= "";
    else if (!part.startsWith(esc)) lines[row] = (lines[row] ?? "") + part;
  }
  return lines;
}

describe("on a terminal", () => {
  test("a run is one table that is redrawn in place, and the cursor comes back", async () => {
    const { stderr } = await lily(["run", "start", "f"], { ...fakeKernel(failed), isTty: true, columns: 60 });
    expect(screen(stderr).filter((line) => line !== "")).toEqual([
      "✗ clean   1.0 s     attempt 2  ✗ rows  \\x1b]0;owned\\x07lon…",
      "    logs in .lily/runs/0197a1b2-0000-7000-8000-00000000000…",
      "- report            its dependency failed",
    ]);
    expect(stderr.split(`${esc}[?25l`)).toHaveLength(2);
    expect(stderr.endsWith(`${esc}[?25h`)).toBe(true);
  });

  test("steps that have not started are shown as such, and the running one counts its time", async () => {
    const pending = runView("running", { steps: [step("clean", "pending", []), step("report", "pending", [])] });
    const host = fakeHost({ isTty: true });
    let seen = "";
    const { preset } = fakeKernel({
      view: pending,
      events: badEvents,
      beforeEvent: (event) => {
        if (event.kind !== "STEP_FAILED" || seen !== "") return;
        host.tick();
        seen = host.stderr.text();
      },
    });
    await main(["run", "start", "f"], { ...host, loadPreset: async () => preset });
    expect(screen(seen).filter((line) => line !== "")).toEqual(["▸ clean   3.0 s", "· report"]);
  });

  test.each([1, 5, 12, 20, 40, 80, 200])("no line of the live table is wider than %d cells", async (columns) => {
    const wide = {
      ...failed,
      events: badEvents.map((event) => (event.kind === "STEP_FAILED" ? { ...event, data: { ...event.data, reason: "失敗しました 🎉 e\u0301" } } : event)),
    };
    const { stderr } = await lily(["run", "start", "f"], { ...fakeKernel(wide), isTty: true, columns, env: { NO_COLOR: "1" } });
    for (const line of screen(stderr)) expect(textWidth(line)).toBeLessThanOrEqual(Math.max(2, columns));
  });

  test.each([20, 40, 60, 100])("tables fit a terminal of %d cells as far as columns can shrink", async (columns) => {
    const { stdout } = await lily(["run", "show", "latest"], { ...fakeKernel(failed), isTty: true, columns, env: { NO_COLOR: "1" } });
    const table = stdout.split("\n").filter((line) => /^(?:STEP|cle|rep|GATE|row)/.test(line));
    expect(table.length).toBeGreaterThan(3);
    for (const line of table) expect(textWidth(line)).toBeLessThanOrEqual(Math.max(columns, 28));
  });

  test("in a pipe nothing is cut, whatever the width", async () => {
    const { stdout } = await lily(["run", "show", "latest"], { ...fakeKernel(failed), columns: 20 });
    expect(stdout).toContain("longer than 1 s\n");
  });

  test("many steps are shown as the running, failed and last ones, and a count", async () => {
    const steps = Array.from({ length: 40 }, (_, i) => step(`s${i}`, "pending", []));
    const { stderr } = await lily(["run", "start", "f"], { ...fakeKernel({ ...failed, view: { ...failedView(), steps } }), isTty: true });
    const lines = screen(stderr).filter((line) => line !== "");
    expect(lines.some((line) => line.includes("clean"))).toBe(true);
    expect(lines.at(-1)).toBe("… 26 more steps; 0 of 42 done");
  });

  test.each([
    ["NO_COLOR", ["run", "show", "latest"], { NO_COLOR: "1" }],
    ["--no-color", ["run", "show", "latest", "--no-color"], {}],
    ["TERM=dumb", ["run", "show", "latest"], { TERM: "dumb" }],
  ])("%s leaves colours out", async (_what, argv, env) => {
    const plain = await lily(argv, { ...fakeKernel(failed), isTty: true, env });
    const coloured = await lily(["run", "show", "latest"], { ...fakeKernel(failed), isTty: true, env: { NO_COLOR: "" } });
    expect([colour.test(plain.stdout), colour.test(coloured.stdout)]).toEqual([false, true]);
  });

  test("a pipe gets no colours", async () => {
    const { stdout, stderr } = await lily(["run", "start", "f"], fakeKernel(failed));
    expect(colour.test(stdout + stderr)).toBe(false);
  });

  test("a dumb terminal gets lines in place of a table", async () => {
    const { stderr } = await lily(["run", "start", "f"], { ...fakeKernel(failed), isTty: true, env: { TERM: "dumb" } });
    expect(stderr).toContain("step      clean attempt 1 started\n");
    expect(stderr).not.toContain(esc);
  });

  test("text of an artifact is shown with escapes, other bytes are refused", async () => {
    const text = await lily(["artifact", "get", "a"], { ...fakeKernel({ bytes: Buffer.from("a\u001b[2Jb\n") }), isTty: true });
    expect([text.code, text.stdout]).toEqual([0, "a\\x1b[2Jb\n"]);
    const bytes = await lily(["artifact", "get", "a"], { ...fakeKernel({ bytes: Uint8Array.of(0xff, 0xfe) }), isTty: true });
    expect([bytes.code, bytes.stdout]).toEqual([2, ""]);
    expect(bytes.stderr).toContain("--output FILE");
  });

  test("a pipe gets the bytes of an artifact as they are", async () => {
    const { stdout } = await lily(["artifact", "get", "a"], fakeKernel({ bytes: Uint8Array.of(0xff, 0x1b, 0x00) }));
    expect(stdout).toBe("\u00ff\u001b\u0000");
  });
});

describe("interrupts", () => {
  test("the first Ctrl-C cancels the run, the second ends the process with 130", async () => {
    const host = fakeHost({ isTty: true });
    const { preset, calls } = fakeKernel({
      view: runView("canceled"),
      beforeEvent: (event) => {
        if (event.kind === "STEP_STARTED" || event.kind === "STEP_COMPLETED") host.interrupt();
      },
    });
    const code = await main(["run", "start", "f"], { ...host, loadPreset: async () => preset });
    expect(calls.filter(([operation]) => operation === "handle.cancel")).toEqual([["handle.cancel", "interrupted from the terminal"]]);
    expect([code, host.forced, host.interrupt()]).toEqual([130, [130], false]);
    expect(host.stderr.text()).toContain("canceling the run");
  });

  test("lily exec is canceled in the same way", async () => {
    const host = fakeHost();
    const { preset, calls } = fakeKernel({ view: runView("canceled"), beforeEvent: (event) => void (event.kind === "STEP_STARTED" && host.interrupt()) });
    expect(await main(["exec", "--", "sleep", "9"], { ...host, loadPreset: async () => preset })).toBe(130);
    expect(calls.map(([operation]) => operation)).toContain("handle.cancel");
    expect(host.stderr.text()).toContain("canceling the run");
  });

  test("Ctrl-C while watching stops watching and leaves the run alone", async () => {
    const host = fakeHost();
    const { preset, calls } = fakeKernel({ beforeEvent: (event) => void (event.kind === "STEP_STARTED" && host.interrupt()) });
    expect(await main(["run", "watch", "latest"], { ...host, loadPreset: async () => preset })).toBe(130);
    expect(calls.map(([operation]) => operation)).not.toContain("runs.cancel");
    expect(host.stderr.text()).toContain("the run goes on");
  });
});

describe("a reader that goes away", () => {
  test("ends run watch and record show early and without an error", async () => {
    for (const argv of [
      ["run", "watch", "latest", "--jsonl"],
      ["record", "show", "latest"],
      ["record", "show", "latest", "--jsonl"],
    ]) {
      const host = fakeHost();
      let given = 0;
      const { preset } = fakeKernel({
        beforeEvent: () => {
          if (++given === 3) host.stdout.close();
        },
      });
      const code = await main(argv, { ...host, loadPreset: async () => preset });
      expect([code, host.stderr.text(), given < 6]).toEqual([0, "", true]);
    }
  });

  test("does not end a run", async () => {
    const host = fakeHost();
    host.stdout.close();
    host.stderr.close();
    const { preset, calls } = fakeKernel();
    expect(await main(["run", "start", "f"], { ...host, loadPreset: async () => preset })).toBe(0);
    expect(calls.map(([operation]) => operation)).not.toContain("handle.cancel");
  });
});

test("the steps of the plan are shown as soon as the plan is known, in its order", async () => {
  const host = fakeHost({ isTty: true });
  const before = runView("created", { steps: [] });
  const { preset } = fakeKernel({ view: before, events: goodEvents });
  const kernel = await preset.openLocal({ workspaceDir: "/w/.lily", create: false });
  const views = [before, runView("running", { steps: [step("fetch", "pending", []), step("clean", "pending", [])] })];
  const show = async (): Promise<RunView> => views.shift() ?? before;
  const loadPreset = async (): Promise<LocalPreset> => ({ ...preset, openLocal: async () => ({ ...kernel, runs: { ...kernel.runs, show } }) });
  await main(["run", "start", "f"], { ...host, loadPreset });
  expect(screen(host.stderr.text()).filter((line) => line !== "")).toEqual(["· fetch", "✓ clean  1.2 s     ✓ rows"]);
});
