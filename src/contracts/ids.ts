import type { Brand } from "../base/brand.ts";
import { type Identifier, isIdentifier, parseIdentifier } from "../base/identifier.ts";
import { LilyError } from "../base/lily-error.ts";

/** Lowercase identifier of a run. Lily makes UUIDv7; integrations may bring their own within the grammar. */
export type RunId = Brand<string, "RunId">;
export type StepId = Identifier;
export type GateId = Identifier;
export type RouteId = Identifier;
/** `name.vN`. */
export type SchemaId = Brand<string, "SchemaId">;
/** `art_` and 32 hex digits. */
export type ArtifactId = Brand<string, "ArtifactId">;
/** `run/<run_id>`, `directive/<directive_id>` or `workspace`. */
export type StreamId = Brand<string, "StreamId">;

const schemaIdPattern = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9]\d{0,5}$/;

export function parseRunId(text: string): RunId {
  const id = parseIdentifier(text, "run id");
  if (id !== id.toLowerCase()) throw new LilyError("ID_INVALID", `run id ${id} must be lowercase`);
  return id as string as RunId;
}

export function isSchemaId(text: unknown): text is SchemaId {
  return typeof text === "string" && text.length <= 128 && schemaIdPattern.test(text);
}

export const workspaceStream = "workspace" as StreamId;

export function runStream(runId: RunId): StreamId {
  return `run/${runId}` as StreamId;
}

/** The run of a stream, or null when it is not a run's. */
export function runOfStream(stream: StreamId): RunId | null {
  return stream.startsWith("run/") ? (stream.slice(4) as RunId) : null;
}

/** Parses a stream name from outside. */
export function parseStreamId(text: string): StreamId {
  if (text === "workspace") return workspaceStream;
  const [family, id, ...rest] = text.split("/");
  if (rest.length === 0 && (family === "run" || family === "directive") && isIdentifier(id)) return text as StreamId;
  throw new LilyError("ID_INVALID", `not a stream: ${JSON.stringify(text.slice(0, 80))}`);
}
