/** Looks at everything a workspace stands on and says what it found, what it means, and what to do. Changes nothing. */
import type { Digest } from "../base/digest.ts";
import { isLilyError, messageOf } from "../base/lily-error.ts";
import { runOfStream } from "../contracts/ids.ts";
import type { VerifyView } from "../contracts/run-view.ts";
import type { TreeEntry } from "../ports/file-tree.ts";
import { uncoveredLeaves } from "../ledger/workspace-log.ts";
import type { KernelCore } from "./core.ts";
import type { DoctorFinding } from "./kernel.ts";
import { recordOperations } from "./record-operations.ts";
import { runFileFindings } from "./run-file-findings.ts";
import { readSecurity } from "../runtime/security-watch.ts";
import { loadConfiguration } from "./workflow-source.ts";

const listedMax = 100;
const leftoversMax = 100_000;

export async function examine(core: KernelCore): Promise<readonly DoctorFinding[]> {
  return [
    ...identityFindings(core),
    ...(await authorityFindings(core)),
    ...(await keyFindings(core)),
    ...(await securityFindings(core)),
    ...(await configFindings(core)),
    ...(await orProblem("records", "keep the files; restore what is damaged from a copy", () => recordFindings(core))),
    ...(await orProblem("objects", "mend the records or the index first", () => objectFindings(core))),
    ...(await orProblem("run files", "mend the permissions of the workspace", () => runFileFindings(core))),
    ...(await orProblem("leftovers", "mend the permissions of the workspace", () => leftoverFindings(core))),
    ...(await orProblem("index", "mend the records, then run lily doctor --rebuild", () => indexFindings(core))),
  ];
}

/** What cannot be examined at all is a finding, so that the other findings are still told. */
async function orProblem(subject: string, remedy: string, find: () => Promise<readonly DoctorFinding[]>): Promise<readonly DoctorFinding[]> {
  try {
    return await find();
  } catch (thrown) {
    if (!isLilyError(thrown)) throw thrown;
    return [problem(subject, `${thrown.code}: ${thrown.message}`, remedy)];
  }
}

function ok(subject: string, message: string): DoctorFinding {
  return { level: "ok", subject, message, remedy: null };
}

function noted(subject: string, message: string, remedy: string): DoctorFinding {
  return { level: "note", subject, message, remedy };
}

function problem(subject: string, message: string, remedy: string): DoctorFinding {
  return { level: "problem", subject, message, remedy };
}

function identityFindings(core: KernelCore): readonly DoctorFinding[] {
  const { workspaceId, format, kernelVersion, createdAt } = core.parts.authority.identity;
  const readOnly = noted(
    "workspace",
    "it cannot be written here, so it can be looked at only; the index is made in memory",
    "mend its permissions to run work in it",
  );
  return [
    ok("workspace", `${workspaceId}, format ${format}, made by ${kernelVersion} at ${createdAt}, in ${core.parts.workspaceDir}`),
    ...(core.parts.authority.isReadOnly === true ? [readOnly] : []),
  ];
}

async function securityFindings({ parts }: KernelCore): Promise<readonly DoctorFinding[]> {
  const { state, reason, boundary } = await readSecurity(parts.security ?? null, parts.clock);
  if (state === "OPERATIONAL" || state === "UNKNOWN")
    return [ok("security", state === "UNKNOWN" ? "no monitor tells the security state" : `OPERATIONAL (${boundary})`)];
  return [noted("security", `${state}, so nothing starts: ${reason ?? boundary}`, "when it is safe, lily security set OPERATIONAL --reason TEXT")];
}

async function authorityFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const problems = await core.parts.authority.check();
  if (problems.length === 0) return [ok("authority", "the authority database is sound, and its durability settings are on")];
  return problems.map((message) => problem("authority", message, "keep a copy of the workspace, then run lily doctor --recover-authority"));
}

async function keyFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  try {
    const signer = await core.parts.trust.signer(core.workspaceId);
    if (signer !== null) return [ok("key", `checkpoints are signed by ${signer.keyName}; the key lies outside the workspace`)];
    return [
      noted(
        "key",
        "this machine has no checkpoint key for the workspace, so runs that end here stay unanchored",
        "run lily init on the machine that owns the workspace, or restore the key",
      ),
    ];
  } catch (thrown) {
    return [problem("key", messageOf(thrown), "mend the permissions of the key file (0600), or restore it")];
  }
}

async function configFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  try {
    const { config, file, registry, packs } = await loadConfiguration(core, null);
    const where = file ?? "no lily.yaml, so the defaults hold";
    const policy = Object.entries(config.policy).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
    return [
      ok("configuration", `${where}; profile ${config.profile}; ${Object.keys(config.modules).length} modules; ${registry.list().length} schemas`),
      ...packs.map(({ manifest, digest, tree }) => ok(`pack ${manifest.pack}`, `${manifest.version} in ${tree.root}, ${digest}`)),
      ok("policy", policy.length === 0 ? "defaults: any tool, network allowed, sandbox off, attempts_max 10" : `from ${where}: ${policy.join(", ")}`),
    ];
  } catch (thrown) {
    return [problem("configuration", messageOf(thrown), "mend lily.yaml")];
  }
}

async function recordFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const views = await recordOperations(core).verifyAll();
  for (const view of views) {
    if (view.result === "corrupt" || view.result === "behind_anchor") {
      findings.push(problem(`record ${view.run_id}`, `${view.result}: ${view.problems.slice(0, 5).join("; ")}`, remedyOf(view.result)));
    }
  }
  const streams = new Set((await core.parts.authority.journal.changedSince(0)).heads.map((head) => head.stream));
  for (const stream of await core.parts.files.list()) {
    if (!streams.has(stream))
      findings.push(
        problem(
          `record ${stream}`,
          "there is a record file that the authority does not know",
          "if the authority was lost, run lily doctor --recover-authority",
        ),
      );
  }
  findings.push(...(await uncoveredFindings(core)));
  const count = (result: VerifyView["result"]): number => views.filter((view) => view.result === result).length;
  const sound = count("anchored") + count("unanchored");
  return [ok("records", `${sound} of ${views.length} runs verified, ${count("anchored")} anchored, ${count("unanchored")} not yet`), ...findings];
}

function remedyOf(result: "corrupt" | "behind_anchor"): string {
  if (result === "corrupt") return "keep the files; restore the record from a copy";
  return "bring the newest copy of the workspace back, or accept the loss with lily doctor --accept-rollback REASON";
}

/** A crash between the seal and its checkpoint, or a key that was missing at that time. */
async function uncoveredFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const leaves = await uncoveredLeaves({ ledger: await core.ledger(), authority: core.parts.authority });
  const streams = [...new Set(leaves.map(({ stream }) => stream))].filter((stream) => runOfStream(stream) !== null);
  return streams.slice(0, listedMax).map((stream) => noted(`record ${stream}`, "sealed, but no checkpoint covers it yet", "run lily log checkpoint"));
}

async function objectFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const seen = new Set<string>();
  let checked = 0;
  let sound = 0;
  const index = await core.freshIndex();
  for (const row of await index.artifacts({})) {
    const { digest, artifact_id: id } = row.artifact;
    if (row.inline || seen.has(digest)) continue;
    seen.add(digest);
    checked++;
    const found = await objectProblem(core, digest);
    if (found === null) sound++;
    else if (findings.length < listedMax)
      findings.push(
        problem(`object ${digest}`, `${found} (artifact ${id} of ${row.artifact.run_id})`, "restore the object from a copy; runs that read it stop until then"),
      );
  }
  return [ok("objects", `${checked} objects named by records, ${sound} verified`), ...findings];
}

async function objectProblem(core: KernelCore, digest: Digest): Promise<string | null> {
  try {
    const source = await core.parts.objects.open(digest);
    await source.close();
    return null;
  } catch (thrown) {
    if (isLilyError(thrown, "OBJECT_MISSING", "OBJECT_CORRUPT")) return thrown.message;
    throw thrown;
  }
}

/** What was set aside, and what a crash left half written. Both harm nothing; somebody should know, and may want to look. */
async function leftoverFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const tree = await core.parts.trees.openTree(core.parts.workspaceDir);
  const aside = await tree.glob(["quarantine/**"], leftoversMax);
  const unfinished = await tree.glob(["objects/.tmp-*", "objects/**/.tmp-*"], leftoversMax);
  return [
    ...listed(aside, "quarantine", "bytes that were taken out of a record or database", "keep it while you look into why it is there"),
    ...listed(unfinished, "object store", "an object that a crash left half written; nothing names it", "remove it once no run is going on"),
  ];
}

function listed(entries: readonly TreeEntry[], subject: string, what: string, remedy: string): readonly DoctorFinding[] {
  const files = entries.filter((entry) => entry.kind !== "directory");
  const shown = files.slice(0, listedMax).map((entry) => noted(subject, `${entry.path} (${entry.size} bytes): ${what}`, remedy));
  return files.length <= listedMax ? shown : [...shown, noted(subject, `${files.length - listedMax} more files of this kind`, remedy)];
}

async function indexFindings(core: KernelCore): Promise<readonly DoctorFinding[]> {
  const runs = await (await core.freshIndex()).runs({});
  const { heads } = await core.parts.authority.journal.changedSince(0);
  const known = heads.filter((head) => runOfStream(head.stream) !== null).length;
  if (runs.length === known) return [ok("index", `${runs.length} runs indexed`)];
  return [problem("index", `${runs.length} runs indexed, ${known} recorded`, "run lily doctor --rebuild")];
}
