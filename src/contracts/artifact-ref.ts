import { z } from "zod";
import type { Digest } from "../base/digest.ts";
import type { ArtifactId, RunId } from "./ids.ts";

export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .transform((text) => text as Digest);
export const artifactIdSchema = z
  .string()
  .regex(/^art_[0-9a-f]{32}$/)
  .transform((text) => text as ArtifactId);
export const runIdSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/)
  .transform((text) => text as RunId);
export const timeSchema = z.iso.datetime({ offset: false });

export const producerKinds = ["tool", "llm", "human", "system"] as const;
export const storageKinds = ["json", "text", "file"] as const;

/**
 * Names immutable bytes, with provenance (A3). `digest` and `size` are of the stored bytes; `artifact_id` commits to run, producer,
 * attempt, name and digest. Artifacts that belong to no run carry the run id `workspace`.
 */
export const artifactRefSchema = z.strictObject({
  artifact_id: artifactIdSchema,
  run_id: runIdSchema,
  artifact_type: z.string().min(1).max(128),
  storage_kind: z.enum(storageKinds),
  digest: digestSchema,
  size: z.int().min(0),
  media_type: z.string().min(1).max(128),
  artifact_name: z.string().min(1).max(256).optional(),
  producer_id: z.string().min(1).max(256),
  producer_kind: z.enum(producerKinds),
  created_at: timeSchema,
  inputs: z.array(artifactIdSchema),
});
export type ArtifactRef = z.output<typeof artifactRefSchema>;
