import { describe, expect, test } from "vitest";
import { anchored, type FakeOptions, fakeKernel } from "./fake-kernel.ts";
import { type FakeHostOptions, lily } from "./fake-host.ts";
import { expectGolden, staleGolden, transcript } from "./golden.ts";
import { stoppedReproductions } from "./sample-audit.ts";
import { badEvents, failedView, runId, runView } from "./sample-run.ts";

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly kernel?: FakeOptions;
  readonly host?: FakeHostOptions;
}

const sampleVerdict = {
  gate_id: "rows",
  step_id: "clean",
  attempt: 1,
  required: true,
  metrics: null,
  result_artifact_id: "art_5",
  log_artifact_ids: [],
  dry_run: true,
} as const;
const problems = [
  { code: "WORKFLOW_INVALID", message: 'unknown key "neeeds"', file: "weather.yaml", line: 7, column: 5, path: "steps.clean", suggestion: "needs" },
  { code: "WORKFLOW_INVALID", message: "a step needs run, shell or module\u001b[1m", file: null, line: null, column: null, path: null, suggestion: null },
] as const;
const corrupt = { ...anchored, result: "corrupt", anchor: null, problems: ["line 4, offset 812: expected hash sha256:11…, seen sha256:22…"] } as const;
const failed = { view: failedView(), events: badEvents };

const judged = {
  run_id: runId,
  verdicts: [
    { ...sampleVerdict, status: "passed", reason: null },
    { ...sampleVerdict, gate_id: "shape", step_id: null, status: "failed", reason: "2 of 3 rows\u001b[2m" },
  ],
  skipped: [{ gate_id: "sealed", step_id: "report", reason: "step report is skipped" }],
  anchoring: { code: "KEY_INVALID", message: "readable by others" },
} as const;

const denied = {
  run_id: runId,
  step_id: "clean",
  decision: "denied",
  because: "step clean was denied: it wrote out/x, which the policy denies",
  advice: null,
  why_artifact_id: "art_7",
  compared_with: null,
  inputs: 0,
  changed: [{ kind: "policy", name: "write_denied", before: null, after: null }],
} as const;

const plain = runView("succeeded");
const actedOn: typeof plain = {
  ...plain,
  acts: [
    { act: "replaced", at: plain.created_at, by: "user:ada", target: "output clean.table: art_1 by art_2", reason: "a typo\u001b[2J" },
    { act: "unblocked", at: plain.created_at, by: "user:ada", target: null, reason: "looked at" },
  ],
  steps: plain.steps.map((step) => ({
    ...step,
    produced_artifact_ids: Array.from({ length: 22 }, (_, n) => `art_${n}`),
    reused_from: { run_id: "0196f0", step_id: "clean", attempt: 2 },
  })),
  gates: plain.gates.map((gate) => ({ ...gate, replaced: true })),
};

/** Each runs twice: as text and with --json. */
const cases: readonly Case[] = [
  { name: "init", argv: ["init"] },
  { name: "init-again", argv: ["init", "sub"], kernel: { empty: true } },
  { name: "doctor", argv: ["doctor"] },
  {
    name: "doctor-problem",
    argv: ["doctor"],
    kernel: {
      findings: [
        { level: "problem", subject: "index", message: "damaged", remedy: "lily doctor --rebuild" },
        { level: "note", subject: "sandbox", message: "none here", remedy: null },
      ],
    },
  },
  { name: "doctor-rebuild", argv: ["doctor", "--rebuild"] },
  { name: "doctor-accept-rollback", argv: ["doctor", "--accept-rollback", "restored after a disk failure"] },
  { name: "doctor-recover", argv: ["doctor", "--recover-authority"] },
  { name: "explain-code", argv: ["explain", "lease_held"] },
  { name: "explain-exit", argv: ["explain", "5"] },
  {
    name: "exec",
    argv: [
      "exec",
      "--in",
      "src/**",
      "--out",
      "dist/app.js",
      "--gate",
      "node check.mjs 'a b'",
      "--env",
      "AWS_*",
      "--secret",
      "TOKEN",
      "--timeout",
      "90s",
      "--",
      "make",
      "test",
    ],
  },
  { name: "run-new", argv: ["run", "new", "--title", "nightly", "--work-order", "order.json"] },
  { name: "run-start", argv: ["run", "start", "weather.yaml", "--param", "year=2014", "--param", "eq=a=b", "--input", "csv=data/x.csv", "--parallel", "2"] },
  { name: "run-start-failed", argv: ["run", "start", "weather.yaml"], kernel: failed },
  { name: "run-start-blocked", argv: ["run", "start", "weather.yaml"], kernel: { view: runView("blocked", { reason: "needs a person" }) } },
  { name: "run-start-unenforced", argv: ["run", "start", "weather.yaml"], kernel: { unenforced: { rules: ["subprocesses", "network"], sandbox: "off" } } },
  { name: "run-start-quiet", argv: ["--quiet", "run", "start", "weather.yaml"] },
  { name: "run-start-made-workspace", argv: ["run", "start", "weather.yaml"], kernel: { found: null } },
  { name: "run-start-named-workspace", argv: ["--workspace", "my folder/.lily", "run", "start", "weather.yaml"], host: { env: { npm_command: "exec" } } },
  { name: "run-list", argv: ["run", "list", "--status", "failed", "--limit", "5"] },
  { name: "run-list-empty", argv: ["run", "list"], kernel: { empty: true } },
  { name: "run-show", argv: ["run", "show", "latest"] },
  { name: "run-show-failed", argv: ["run", "show", "0197a"], kernel: failed },
  { name: "run-show-unenforced", argv: ["run", "show", "latest"], kernel: { unenforced: { rules: ["network"], sandbox: "prefer" } } },
  { name: "run-show-unknown", argv: ["run", "show", "ffff"] },
  { name: "run-watch", argv: ["run", "watch", "latest"] },
  { name: "run-watch-jsonl", argv: ["run", "watch", "latest", "--jsonl"], kernel: failed },
  { name: "run-logs-no-attempt", argv: ["run", "logs", "latest", "--step", "clean", "--attempt", "9", "--stderr"] },
  { name: "run-resume-new-events-only", argv: ["run", "resume", runId], kernel: { eventsBefore: 4 } },
  { name: "run-resume", argv: ["run", "resume", runId, "--unblock", "checked by hand", "--parallel", "1"] },
  { name: "run-rerun", argv: ["run", "rerun", "latest", "--from", "clean", "--from", "report", "--reason", "mended", "--unblock", "seen", "--parallel", "2"] },
  { name: "run-fork", argv: ["run", "fork", "latest", "--from", "report", "--reason", "another layout", "--title", "t"] },
  { name: "run-fork-file", argv: ["run", "fork", "latest", "--from", "report", "--reason", "r", "--file", "b.yaml", "--param", "y=1", "--input", "csv=x.csv"] },
  { name: "run-fork-usage", argv: ["run", "fork", "latest", "--from", "report", "--reason", "r", "--param", "y=1"] },
  { name: "run-gates", argv: ["run", "gates", "latest", "--judge-only", "--step", "clean", "--gate", "rows"], kernel: { judged } },
  { name: "run-gates-nothing", argv: ["run", "gates", "latest", "--judge-only"] },
  { name: "run-gates-usage", argv: ["run", "gates", "latest"] },
  { name: "run-why", argv: ["run", "why", "latest", "clean"] },
  { name: "run-why-denied", argv: ["run", "why", "latest", "clean"], kernel: { why: denied } },
  { name: "run-show-acts", argv: ["run", "show", "latest"], kernel: { view: actedOn } },
  { name: "run-cancel", argv: ["run", "cancel", "latest", "--reason", "wrong input"], kernel: { view: runView("canceled") } },
  { name: "run-cancel-late", argv: ["run", "cancel", "latest"] },
  { name: "run-report", argv: ["run", "report", "latest", "--out", "/dev/null", "--force"] },
  { name: "run-report-quiet", argv: ["--quiet", "run", "report", "latest", "--out", "/dev/null", "--force"] },
  { name: "run-report-exists", argv: ["run", "report", "latest", "--out", "/dev/null"] },
  {
    name: "run-report-damaged",
    argv: ["run", "report", "latest", "--out", "/dev/null", "--force"],
    kernel: { reportProblem: { event: 4, kind: "GATE_FAILED", message: "its line does not end with a hash" } },
  },
  { name: "artifact-put", argv: ["artifact", "put", "data.csv", "--type", "table", "--run", "latest"] },
  { name: "artifact-list", argv: ["artifact", "list", "--run", "latest", "--type", "file", "--name", "n", "--producer", "p", "--digest", "d"] },
  { name: "artifact-list-empty", argv: ["artifact", "list"], kernel: { empty: true } },
  { name: "artifact-get", argv: ["artifact", "get", "art_3"] },
  { name: "artifact-show", argv: ["artifact", "show", "art_3"] },
  { name: "artifact-replace", argv: ["artifact", "replace", "art_3", "mended.csv", "--reason", "row 7", "--run", "latest", "--unblock", "seen"] },
  { name: "artifact-replace-by-id", argv: ["artifact", "replace", "art_3", "art_4", "--reason", "newer"] },
  { name: "artifact-graph", argv: ["artifact", "graph", "latest"] },
  { name: "artifact-graph-dot", argv: ["artifact", "graph", "latest", "--format", "dot"] },
  { name: "artifact-graph-mermaid", argv: ["artifact", "graph", "latest", "--format", "mermaid"] },
  { name: "artifact-graph-json", argv: ["artifact", "graph", "latest", "--format", "json"] },
  { name: "schema-list", argv: ["schema", "list"] },
  { name: "schema-list-empty", argv: ["schema", "list"], kernel: { empty: true } },
  { name: "schema-show", argv: ["schema", "show", "gate_result.v1"] },
  { name: "schema-check", argv: ["schema", "check"] },
  { name: "schema-check-file", argv: ["schema", "check", "weather_table.v1", "out.json"], kernel: { problems } },
  { name: "pack-list", argv: ["pack", "list"] },
  { name: "pack-list-empty", argv: ["pack", "list"], kernel: { empty: true } },
  { name: "pack-check", argv: ["pack", "check"] },
  { name: "pack-check-folder", argv: ["pack", "check", "packs/tabular"] },
  { name: "pack-check-problems", argv: ["pack", "check", "packs/tabular"], kernel: { problems } },
  { name: "workflow-check", argv: ["workflow", "check", "weather.yaml"] },
  { name: "workflow-check-problems", argv: ["workflow", "check", "weather.yaml"], kernel: { problems } },
  { name: "workflow-plan", argv: ["workflow", "plan", "weather.yaml", "--param", "year=2015"] },
  { name: "workflow-graph", argv: ["workflow", "graph", "weather.yaml"] },
  { name: "workflow-graph-table", argv: ["workflow", "graph", "weather.yaml", "--format", "table"] },
  { name: "record-show", argv: ["record", "show", "latest"], kernel: failed },
  { name: "record-show-jsonl", argv: ["record", "show", "latest", "--kind", "gate_failed", "--from", "3", "--jsonl"], kernel: failed },
  { name: "record-verify", argv: ["record", "verify", "latest"] },
  { name: "record-verify-unanchored", argv: ["record", "verify", "latest"], kernel: { verify: [{ ...anchored, result: "unanchored", anchor: null }] } },
  { name: "record-verify-corrupt", argv: ["record", "verify", "latest"], kernel: { verify: [corrupt] } },
  { name: "record-verify-all", argv: ["record", "verify", "--all"], kernel: { verify: [anchored, { ...anchored, result: "behind_anchor" }] } },
  { name: "record-verify-all-empty", argv: ["record", "verify", "--all"], kernel: { verify: [] } },
  { name: "log-checkpoint", argv: ["log", "checkpoint"] },
  { name: "log-checkpoint-empty", argv: ["log", "checkpoint"], kernel: { checkpoint: false } },
  { name: "security-show", argv: ["security", "show"] },
  {
    name: "security-show-lockdown",
    argv: ["security", "show"],
    kernel: { security: { state: "LOCKDOWN", boundary: "set by user:eve\u001b[2J at 2026-01-01T00:00:00.000Z", reason: "leaked\u0007 key" } },
  },
  { name: "security-set", argv: ["security", "set", "lockdown", "--reason", "leaked key"] },
  {
    name: "security-set-unrecorded",
    argv: ["security", "set", "LOCKDOWN", "--reason", "leaked key"],
    kernel: { unrecorded: { code: "AUTHORITY_DAMAGED", message: "the database is damaged\u001b[1m" } },
  },
  { name: "rollback-plan", argv: ["rollback", "plan", "latest"], kernel: failed },
  { name: "rollback-plan-done", argv: ["rollback", "plan", "latest"] },
  { name: "rollback-plan-unknown", argv: ["rollback", "plan", "ffff"] },
  { name: "rollback-confirm", argv: ["rollback", "confirm", "latest"], kernel: failed, host: { input: ["yes"] } },
  { name: "rollback-confirm-no", argv: ["rollback", "confirm", "latest"], kernel: failed, host: { input: ["Yes"] } },
  { name: "rollback-confirm-silence", argv: ["rollback", "confirm", "latest"], kernel: failed },
  { name: "rollback-confirm-not-possible", argv: ["rollback", "confirm", "latest"], host: { input: ["yes"] } },
  { name: "run-summary", argv: ["run", "summary", "latest"] },
  { name: "run-summary-failed", argv: ["run", "summary", "latest"], kernel: failed },
  { name: "run-summary-all", argv: ["run", "summary", "--all", "--limit", "5"] },
  { name: "run-summary-none", argv: ["run", "summary", "--workflow", "none"] },
  { name: "run-summary-what", argv: ["run", "summary"] },
  { name: "run-summary-both", argv: ["run", "summary", "latest", "--all"] },
  { name: "run-diff", argv: ["run", "diff", "0197a", "latest"] },
  { name: "run-diff-same", argv: ["run", "diff", "latest", "latest"] },
  { name: "run-reproduce", argv: ["run", "reproduce", "latest"] },
  { name: "run-reproduce-stopped", argv: ["run", "reproduce", "latest"], kernel: { reproduction: stoppedReproductions.atOnce } },
  { name: "run-reproduce-stopped-later", argv: ["run", "reproduce", "latest"], kernel: { reproduction: stoppedReproductions.later } },
  { name: "run-reproduce-often", argv: ["run", "reproduce", "latest", "--times", "2", "--parallel", "1"] },
  { name: "run-export-trace", argv: ["run", "export", "latest", "--format", "chrome-trace"], kernel: failed },
  { name: "run-export-prov", argv: ["run", "export", "latest", "--format", "provenance-json"] },
  { name: "run-export-record", argv: ["run", "export", "latest", "--format", "execution-record"] },
  { name: "run-export-dot", argv: ["run", "export", "latest", "--format", "dot"] },
  { name: "run-export-mermaid", argv: ["run", "export", "latest", "--format", "mermaid"] },
  { name: "run-export-nowhere", argv: ["run", "export", "latest", "--format", "dot", "--out", "/nowhere/x/y.dot"] },
  { name: "run-irreversible", argv: ["run", "irreversible", "latest"] },
  { name: "run-irreversible-none", argv: ["run", "irreversible", "latest"], kernel: failed },
  { name: "completion-bash", argv: ["completion", "bash"] },
  { name: "completion-zsh", argv: ["completion", "zsh"] },
  { name: "completion-fish", argv: ["completion", "fish"] },
  { name: "overview", argv: [] },
];

const names = new Set<string>();

describe.each(cases)("lily $argv", ({ name, argv, kernel, host }) => {
  test(`${name}: text`, async () => {
    const { preset } = fakeKernel(kernel);
    names.add(name);
    expectGolden(name, transcript(argv, await lily(argv, { preset, ...host })));
  });

  test(`${name}: --json puts exactly one document on stdout`, async () => {
    if (argv.includes("--jsonl")) return;
    const { preset } = fakeKernel(kernel);
    const ran = await lily([...argvWithJson(argv)], { preset, ...host });
    JSON.parse(ran.stdout);
    names.add(`${name}.json`);
    expectGolden(`${name}.json`, transcript(argvWithJson(argv), ran));
  });

  test(`${name}: nothing on a terminal is an unescaped control character of a log, title or reason`, async () => {
    const { preset } = fakeKernel(kernel);
    const ran = await lily(argv, { preset, ...host, isTty: true, columns: 60, env: { NO_COLOR: "1", ...host?.env } });
    // The live table alone moves the cursor: up, erase below, hide, show.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    const text = (ran.stdout + ran.stderr).replace(/\u001b\[(?:\d+A\r|J|\?25[lh])/g, "");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });
});

function argvWithJson(argv: readonly string[]): readonly string[] {
  return ["--json", ...argv];
}

test("every golden file is made by a case", () => {
  const all = cases.length * 2 - cases.filter(({ argv }) => argv.includes("--jsonl")).length;
  expect(names.size === all ? staleGolden(names) : []).toEqual([]);
});
