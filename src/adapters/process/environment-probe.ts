/** Facts about this machine, this process and the source, for environment_snapshot.v1 (docs/formats/envelope.md). */
import { existsSync } from "node:fs";
import { arch, homedir, release, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { hexOf } from "../../base/digest.ts";
import type { JsonObject } from "../../base/json-value.ts";
import type { EnvironmentProbe, SnapshotRequest } from "../../ports/environment-probe.ts";
import { type GitSource, readGitSource } from "./git-source.ts";
import { findLockfiles } from "./lockfiles.ts";
import { currentOwner } from "./owner-liveness.ts";
import { resolveTool, toolDigests } from "./tool-lookup.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface EnvironmentProbeOptions {
  readonly kernelVersion: string;
  /** The caller's environment; default: of this process. */
  readonly env?: Variables;
}

const defaultPath = "/usr/local/bin:/usr/bin:/bin";

export function createEnvironmentProbe(options: EnvironmentProbeOptions): EnvironmentProbe {
  const env = options.env ?? process.env;
  const base = () => ({ PATH: env["PATH"] ?? defaultPath, HOME: env["HOME"] ?? homedir() });
  return {
    snapshot: (request) => snapshot(request, options.kernelVersion, env, base().PATH),
    machine: async (sourceDir) => ({
      os: process.platform,
      arch: arch(),
      runtime: `node ${process.version.slice(1)}`,
      lockfiles: await findLockfiles(sourceDir, topFolder(sourceDir)),
    }),
    owner: currentOwner,
    principal: () => `user:${userName(env)}`,
    select: (patterns) => select(env, patterns),
    base,
  };
}

async function snapshot(request: SnapshotRequest, kernelVersion: string, env: Variables, path: string): Promise<JsonObject> {
  const [source, tools] = await Promise.all([readGitSource(request.sourceDir, path), toolFacts(request, path)]);
  const lockfiles = await findLockfiles(request.sourceDir, topOf(request.sourceDir, source));
  const ci = ciFacts(env);
  return {
    runtime: { name: "node", version: process.version.slice(1) },
    platform: { os: process.platform, release: release(), arch: arch() },
    kernel_version: kernelVersion,
    ...(lockfiles.length === 0 ? {} : { lockfiles }),
    tools,
    ...(source === null ? {} : { source: source.facts }),
    ...(ci === null ? {} : { ci }),
    timestamp: request.at,
  };
}

/** Without version control only the source folder itself is looked at. */
function topOf(sourceDir: string, source: GitSource | null): string {
  return source?.root ?? sourceDir;
}

/** The folder of the repository that the source lies in, as version control finds it; looked for without starting it. */
function topFolder(sourceDir: string): string {
  for (let folder = sourceDir; ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (folder === dirname(folder)) return sourceDir;
  }
}

/** The executables that the plan names, in its order, each once. No tool is run to ask for its version; only that of Node itself is known. */
async function toolFacts(request: SnapshotRequest, path: string): Promise<readonly JsonObject[]> {
  const facts = new Map<string, JsonObject>();
  for (const command of request.tools) {
    const tool = await resolveTool(command, path, request.sourceDir);
    if (tool === null || facts.has(tool.path)) continue;
    const digest = await toolDigests.digest(tool.path).catch(() => null);
    if (digest === null) continue;
    const version = tool.path === process.execPath ? { version: process.version.slice(1) } : {};
    facts.set(tool.path, { path: tool.path, ...version, sha256: hexOf(digest) });
  }
  return [...facts.values()];
}

function userName(env: Variables): string {
  try {
    return userInfo().username;
  } catch {
    // A uid without an entry in the user database, as containers often have.
    return env["USER"] ?? `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

/** Exact names, and patterns with one `*` at the end. */
function select(env: Variables, patterns: readonly string[]): Readonly<Record<string, string>> {
  const selected: Record<string, string> = {};
  if (patterns.length === 0) return selected;
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && patterns.some((pattern) => matches(name, pattern))) selected[name] = value;
  }
  return selected;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** What a CI system says about itself in the environment; self-reported, so evidence of nothing. */
function ciFacts(env: Variables): JsonObject | null {
  const facts = (provider: string, runUrl: string | undefined, actor: string | undefined): JsonObject => ({
    provider,
    ...(runUrl === undefined || runUrl === "" ? {} : { run_url: runUrl }),
    ...(actor === undefined || actor === "" ? {} : { actor }),
  });
  if (env["GITHUB_ACTIONS"] === "true") {
    const run = env["GITHUB_RUN_ID"];
    const url = run === undefined ? undefined : `${env["GITHUB_SERVER_URL"] ?? ""}/${env["GITHUB_REPOSITORY"] ?? ""}/actions/runs/${run}`;
    return facts("github-actions", url, env["GITHUB_ACTOR"]);
  }
  if (env["GITLAB_CI"] === "true") return facts("gitlab-ci", env["CI_PIPELINE_URL"], env["GITLAB_USER_LOGIN"]);
  if (env["BUILDKITE"] === "true") return facts("buildkite", env["BUILDKITE_BUILD_URL"], env["BUILDKITE_BUILD_CREATOR"]);
  if (env["CIRCLECI"] === "true") return facts("circleci", env["CIRCLE_BUILD_URL"], env["CIRCLE_USERNAME"]);
  if (env["JENKINS_URL"] !== undefined) return facts("jenkins", env["BUILD_URL"], env["BUILD_USER_ID"]);
  return env["CI"] === "true" || env["CI"] === "1" ? facts("unknown", undefined, undefined) : null;
}
