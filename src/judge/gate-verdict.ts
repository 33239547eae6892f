/**
 * What observed facts of a gate mean (E4). Pure functions: the same facts give the same verdict.
 *
 * A gate passes only when it was seen to pass. A command that could not be started, was ended or said nothing clear is an error, never
 * a pass: unknown means no.
 */
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { parseJson } from "../base/parse-json.ts";

export interface GateVerdict {
  readonly status: "passed" | "failed" | "error";
  /** Null only for a pass that gave none. */
  readonly reason: string | null;
  readonly metrics: Readonly<Record<string, number>> | null;
}

/** What is known of a gate's command; the outcome of a process has this shape. */
export interface CommandFacts {
  readonly outcome: "exited" | "signaled" | "timeout" | "killed" | "output_limit" | "spawn_failed";
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdoutTail: string;
  readonly stderrTail: string;
  readonly error: string | null;
}

const reasonLengthMax = 4096;
const saidLengthMax = 500;
const reportLimits = { bytesMax: 64 * 1024, depthMax: 4, keysMax: 256 };

/**
 * Exit 0 passes, another exit fails, anything else is an error. A report on the last line gives reason and metrics, never the status;
 * where it gives no reason, a failure has the last line that the command wrote.
 */
export function judgeCommand(facts: CommandFacts): GateVerdict {
  switch (facts.outcome) {
    case "exited":
      return judgeExit(facts);
    case "signaled":
      return gateError(`the gate's command was ended by ${facts.signal ?? "a signal"}`);
    case "timeout":
      return gateError("the gate's command ran longer than its timeout");
    case "killed":
      return gateError(facts.error ?? "the gate's command was ended before it gave a verdict");
    case "output_limit":
      return gateError("the gate's command wrote more output than its limit");
    case "spawn_failed":
      return gateError(facts.error ?? "the gate's command could not be started");
  }
}

/** A verdict for a gate that could not be judged at all. */
export function gateError(reason: string): GateVerdict {
  return { status: "error", reason: clip(reason), metrics: null };
}

/** Passes when validation found nothing. Each problem names its place. */
export function judgeSchema(problems: readonly string[]): GateVerdict {
  if (problems.length === 0) return { status: "passed", reason: null, metrics: null };
  const shown = problems.slice(0, 5).join("; ");
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
  return { status: "failed", reason: clip(`${shown}${more}`), metrics: { problems: problems.length } };
}

function judgeExit(facts: CommandFacts): GateVerdict {
  const report = readReport(facts.stdoutTail);
  const metrics = report?.metrics ?? null;
  if (facts.exitCode === null) return gateError("the gate's command ended without an exit code");
  if (facts.exitCode === 0) return { status: "passed", reason: report?.reason ?? null, metrics };
  return { status: "failed", reason: report?.reason ?? exitReason(facts, report !== null), metrics };
}

/** What the command said last, on stderr before stdout, stands in for the reason that no report gave. */
function exitReason(facts: CommandFacts, hasReport: boolean): string {
  const said = lastLine(facts.stderrTail) || (hasReport ? "" : lastLine(facts.stdoutTail));
  if (said === "") return `the gate's command exited with ${facts.exitCode}`;
  return `exited with ${facts.exitCode}: ${said.length <= saidLengthMax ? said : `${said.slice(0, saidLengthMax - 1).toWellFormed()}…`}`;
}

/** The last line that is not blank, or "". */
function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}

interface GateReport {
  readonly reason: string | null;
  readonly metrics: Readonly<Record<string, number>> | null;
}

/** The last line that is not empty, when it is a JSON object of `reason` (text) and `metrics` (finite numbers) and nothing else. */
function readReport(stdoutTail: string): GateReport | null {
  const line = lastLine(stdoutTail);
  if (!line.startsWith("{")) return null;
  const value = parsed(line);
  if (!isJsonObject(value)) return null;
  const { reason, metrics, ...others } = value;
  if (Object.keys(others).length > 0 || (reason === undefined && metrics === undefined)) return null;
  if (reason !== undefined && typeof reason !== "string") return null;
  if (metrics !== undefined && !isMetrics(metrics)) return null;
  return { reason: reason === undefined || reason === "" ? null : clip(reason), metrics: metrics ?? null };
}

function parsed(line: string): JsonValue {
  try {
    return parseJson(line, reportLimits);
  } catch {
    return null;
  }
}

function isMetrics(value: JsonValue): value is Readonly<Record<string, number>> {
  return isJsonObject(value) && Object.values(value).every((item) => typeof item === "number" && Number.isFinite(item));
}

function clip(text: string): string {
  return text.length <= reasonLengthMax ? text : `${text.slice(0, reasonLengthMax - 1).toWellFormed()}…`;
}
