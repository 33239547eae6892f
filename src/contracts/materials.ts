import type { Digest } from "../base/digest.ts";

/** Kinds of things that a pure step depends on. */
export const materialKinds = [
  "code",
  "input",
  "param",
  "environment",
  "tool",
  "lockfile",
  "platform",
  "policy",
  "step",
  "gate",
  "module",
  "schema",
  "pack",
] as const;
export type MaterialKind = (typeof materialKinds)[number];

/** One thing that a pure step depends on, by name and digest. Kind and name together are unique in a step. Formats: docs/formats/reuse.md. */
export interface Material {
  readonly kind: MaterialKind;
  readonly name: string;
  readonly digest: Digest;
}
