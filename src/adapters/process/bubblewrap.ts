/**
 * Owns: the sandbox of this machine (bubblewrap): whether it works, how a command is put into it, and what its status says afterwards.
 * States: untried -> tried; the answer is kept for the process.
 * Invariants: 1. S6: a sandbox is named only after a command really ran in one; 2. a failure of bubblewrap is never the command's own.
 * Not responsible for: processes and streams.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import type { ProcessSpec, SandboxSpec, SandboxSupport } from "../../ports/process-runner.ts";
import { mountArgs } from "./bubblewrap-mounts.ts";
import { findTool } from "./tool-lookup.ts";

/** The descriptor on which bubblewrap tells what became of the command. */
export const statusFd = 3;
/** Where the system looks for a command without a PATH. */
export const defaultPath = "/bin:/usr/bin";
const probeMs = 20_000;
/** What root may do to files that it may reach; nothing about mounts, devices, network or other processes, and no opening by handle. */
const rootCapabilities = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"];

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
}

/** What bubblewrap said about the command. */
export interface SandboxStatus {
  /** Process that holds the namespaces together; null when it was not made. */
  readonly holder: number | null;
  /** As a shell gives it; null when the command was never executed. */
  readonly exitCode: number | null;
}

export class Bubblewrap {
  readonly #program: string;
  #found: (SandboxSupport & { readonly file: string | null }) | null = null;

  /** `program` is a name that is looked up in PATH of this process, or a path. */
  constructor(program: string) {
    this.#program = program;
  }

  /** Tries it once. */
  support(): SandboxSupport {
    const { name, reason } = this.#tried();
    return { name, reason };
  }

  /** Throws SANDBOX_UNAVAILABLE. */
  launch(spec: ProcessSpec, sandbox: SandboxSpec): Launch {
    const { file, reason } = this.#tried();
    if (file === null) throw new LilyError("SANDBOX_UNAVAILABLE", `no sandbox works here: ${reason}`);
    const [command = ""] = spec.argv;
    const path = spec.env["PATH"] ?? defaultPath;
    const request = { sandbox, cwd: spec.cwd, path, temp: spec.env["TMPDIR"], command: findTool(command, path, spec.cwd) };
    const args = [...namespaceArgs(sandbox.network), ...mountArgs(request), "--chdir", spec.cwd, "--json-status-fd", String(statusFd), "--", ...spec.argv];
    return { file, args };
  }

  #tried(): SandboxSupport & { readonly file: string | null } {
    this.#found ??= tryProgram(this.#program);
    return this.#found;
  }
}

function namespaceArgs(network: SandboxSpec["network"]): readonly string[] {
  const separate = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--new-session"];
  const isRoot = process.geteuid?.() === 0;
  const capabilities = ["--cap-drop", "ALL", ...(isRoot ? rootCapabilities.flatMap((name) => ["--cap-add", name]) : [])];
  return [...separate, ...(network === "deny" ? ["--unshare-net"] : []), ...capabilities];
}

function tryProgram(program: string): SandboxSupport & { readonly file: string | null } {
  const none = (reason: string) => ({ name: null, reason, file: null });
  if (process.platform !== "linux") return none(`bubblewrap needs Linux, and this is ${process.platform}`);
  const file = isAbsolute(program) ? program : lookedUp(program);
  if (file === null || !existsSync(file)) return none("bubblewrap (bwrap) is not installed");
  const version = spawnSync(file, ["--version"], { encoding: "utf8", timeout: probeMs, env: {} });
  const name = /^bubblewrap \d+(?:\.\d+)*/.exec(version.stdout ?? "")?.[0];
  if (name === undefined) return none(`${file} does not say that it is bubblewrap${version.error === undefined ? "" : `: ${messageOf(version.error)}`}`);
  const sandbox: SandboxSpec = { writable: [], readOnly: [], hidden: [], shown: [], network: "deny", tools: null };
  const probed = ["/usr/bin/true", "/bin/true"].find((path) => existsSync(path)) ?? "true";
  const args = [...namespaceArgs("deny"), ...mountArgs({ sandbox, cwd: "/", path: "", temp: undefined, command: null }), "--json-status-fd", "1", "--", probed];
  const tried = spawnSync(file, args, { encoding: "utf8", timeout: probeMs, env: {}, cwd: "/" });
  if (tried.status === 0 && readStatus(tried.stdout).exitCode === 0) return { name, reason: null, file };
  return none(whyNot(name, tried.error === undefined ? tried.stderr.trim() : messageOf(tried.error)));
}

function whyNot(name: string, words: string): string {
  const forbidden = /namespace|uid map|gid map|RTM_NEWADDR|Operation not permitted|Permission denied/i.test(words);
  return `${name} does not work here${forbidden ? ", because the system forbids what it needs (user namespaces?)" : ""}: ${words === "" ? "it ended without a word" : words}`;
}

function lookedUp(program: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return [...folders, "/usr/bin", "/usr/local/bin"].map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}

/** Reads the status documents, one a line. */
export function readStatus(text: string): SandboxStatus {
  const numberOf = (member: string): number | null => {
    const found = new RegExp(`"${member}": (\\d+)`).exec(text)?.[1];
    return found === undefined ? null : Number(found);
  };
  return { holder: numberOf("child-pid"), exitCode: numberOf("exit-code") };
}

/** The first name of a number is the one that Node gives. */
const signalNames: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** How the command ended, from the code by which bubblewrap says it: 128 and the number for a signal, as a shell does. */
export function endOf(exitCode: number): { readonly code: number | null; readonly signal: string | null } {
  const signal = exitCode > 128 ? signalNames.get(exitCode - 128) : undefined;
  return signal === undefined ? { code: exitCode, signal: null } : { code: null, signal };
}

/** Why bubblewrap did not execute the command, from what it wrote to stderr. */
export function sandboxFailure(command: string, stderr: string): string {
  const words = stderr.trim().replaceAll(/^bwrap: /gm, "");
  const exec = /^execvp .*: (.+)$/m.exec(words)?.[1];
  if (exec !== undefined) return `the command ${command} cannot be executed in the sandbox: ${exec}; is it there, and among the tools that may be started?`;
  return `the sandbox for ${command} cannot be set up: ${words === "" ? "bubblewrap ended without a word" : words}`;
}
