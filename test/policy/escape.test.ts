import { createSocket, type Socket } from "node:dgram";
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/base/json-value.ts";
import { isLilyError } from "../../src/base/lily-error.ts";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import { Bed } from "../runtime/bed.ts";
import { type Escape, escapes, type Outcome, type Places } from "./escape-attempts.ts";

const keptText = "kept\n";
const support = await createProcessRunner().sandbox();
let bed: Bed;
let homeBefore: string | undefined;
let cwdBefore: string;
let tcp: Server;
let tcp6: Server;
let dns: Socket;
const sockets: Server[] = [];
let contacts = 0;
let count = 0;

async function listen(...at: [number, string] | [string]): Promise<Server> {
  const server = createServer((socket) => {
    contacts++;
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (at.length === 2) server.listen(at[0], at[1], resolve);
    else server.listen(at[0], resolve);
  });
  sockets.push(server);
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

beforeAll(async () => {
  bed = new Bed();
  homeBefore = process.env["HOME"];
  const home = join(bed.root, "home");
  mkdirSync(home);
  process.env["HOME"] = home;
  cwdBefore = process.cwd();
  process.chdir(bed.root);
  process.env["CANARY"] = "canary";
  process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
  tcp = await listen(0, "127.0.0.1");
  tcp6 = await listen(0, "::1").catch(() => tcp);
  dns = createSocket("udp4", () => contacts++);
  await new Promise<void>((resolve) => dns.bind(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  for (const server of sockets) server.close();
  dns.close();
  if (homeBefore === undefined) delete process.env["HOME"];
  else process.env["HOME"] = homeBefore;
  process.chdir(cwdBefore);
  delete process.env["CANARY"];
  delete process.env["HTTP_PROXY"];
  await bed.remove();
});

async function makePlaces(): Promise<Places> {
  const token = `lily-escape-${process.pid}-${++count}`;
  const dir = join(bed.dir, token);
  const outside = join(bed.dir, `${token}-outside`);
  for (const folder of [dir, outside, join(dir, "sub"), join(dir, "out"), join(dir, "out/held"), join(dir, "bin")]) mkdirSync(folder);
  const put = (path: string, text: string, mode = 0o644): void => writeFileSync(join(dir, path), text, { mode });
  put("kept.txt", keptText);
  put("out/theirs.json", "{}\n");
  put("script.sh", "echo '#' >> script.sh && echo x > was-run\n");
  put("good.cjs", "\n");
  put("evil.cjs", "require('fs').writeFileSync('out/proof','x')\n");
  put("first-line", "#!/usr/bin/touch out/proof\n", 0o755);
  for (const copy of ["sh", "copied"]) copyFileSync("/usr/bin/touch", join(dir, copy));
  symlinkSync("/usr/bin/touch", join(dir, "bin/sh"));
  symlinkSync(process.execPath, join(dir, "many"));
  writeFileSync(join(outside, "there"), "there\n");
  await listen(join(outside, "s"));
  await listen(`\0lily-${token}`).catch(() => null);
  const home = process.env["HOME"] ?? "";
  const address = dns.address();
  return {
    dir,
    outside,
    workspace: bed.workspaceDir,
    root: bed.root,
    dataHome: bed.dataHome,
    home,
    token,
    port: portOf(tcp),
    port6: portOf(tcp6),
    dnsPort: address.port,
  };
}

function hasWorked(escape: Escape, places: Places, before: { readonly kept: string; readonly contacts: number; readonly other: string }): boolean {
  switch (escape.worked) {
    case "proof":
      return existsSync(join(places.dir, "out/proof"));
    case "kept":
      return marksOf(join(places.dir, "kept.txt")) !== before.kept;
    case "outside":
      return existsSync(join(places.outside, "f"));
    case "other":
      return marksOf(otherPath(escape, places)) !== before.other;
    case "process":
      return living(places.token).length > 0;
    case "contact":
      return contacts > before.contacts;
  }
}

function otherPath(escape: Escape, places: Places): string {
  const path = escape.path?.(places) ?? "";
  return path.startsWith("/") ? path : join(places.dir, path);
}

function marksOf(path: string): string {
  const seen = lstatSync(path, { throwIfNoEntry: false });
  return seen === undefined ? "none" : `${seen.mode} ${seen.size} ${seen.mtimeMs} ${seen.isFile() ? readFileSync(path, "latin1") : ""}`;
}

/** Processes that have the token in their command line, and are no test runner. */
function living(token: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(token);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function outcomeOf(escape: Escape, sandbox: "off" | "prefer"): Promise<Outcome> {
  const places = await makePlaces();
  const before = { kept: marksOf(join(places.dir, "kept.txt")), contacts, other: marksOf(otherPath(escape, places)) };
  const document: JsonObject = { workflow: "escape", version: 1, policy: { ...escape.policy, sandbox }, steps: { s: escape.step(places) } };
  try {
    const violated = await isViolated(document, places.dir);
    // A contact may still wait to be accepted.
    await new Promise((resolve) => setImmediate(resolve));
    const worked = hasWorked(escape, places, before);
    return worked ? (violated ? "detected" : "unseen") : violated ? "refused" : "stopped";
  } finally {
    for (const pid of living(places.token)) process.kill(pid, "SIGKILL");
    for (const path of [`/tmp/${places.token}`, `/dev/shm/${places.token}`]) rmSync(path, { force: true });
  }
}

/** True when the run, or the check of its document, says POLICY_VIOLATION. */
async function isViolated(document: JsonObject, dir: string): Promise<boolean> {
  const kernel = await bed.kernel();
  try {
    const handle = await kernel.runs.start({ document, dir });
    const { run_id: runId } = await handle.done();
    return (await bed.events(runId)).some((event) => event.kind === "POLICY_VIOLATION");
  } catch (thrown) {
    if (!isLilyError(thrown, "POLICY_VIOLATION")) throw thrown;
    return thrown.message.includes("policy.env_allow");
  }
}

test("S6: at least 60 ways round a policy are tried, each under a name of its own", () => {
  expect(escapes.length).toBeGreaterThanOrEqual(60);
  expect(new Set(escapes.map(({ name }) => name)).size).toBe(escapes.length);
});

describe("S6: without a sandbox", () => {
  test.each(escapes.map((escape) => [escape.observed, escape.name, escape] as const))("%s: %s", async (expected, _name, escape) => {
    const seen = await outcomeOf(escape, "off");
    if (expected !== "race") expect(seen).toBe(expected);
  });
});

describe.skipIf(support.name === null)(`S6: in a sandbox (${support.name ?? `skipped: ${support.reason}`})`, () => {
  test.each(escapes.map((escape) => [escape.prevented, escape.name, escape] as const))("%s: %s", async (expected, _name, escape) => {
    expect(await outcomeOf(escape, "prefer")).toBe(expected);
  });
});
