/**
 * Why a pure step is reused or done again: its key, the smallest difference to an earlier time, and the sentence about it. Pure; values
 * never come here, only names and digests (S4).
 */
import { type Digest, documentDigest } from "../base/digest.ts";
import { type Material, materialKinds } from "../contracts/materials.ts";

/** What changed of one material: `before` null when it is new, `after` null when it is gone. */
export interface MaterialChange {
  readonly kind: Material["kind"];
  readonly name: string;
  readonly before: Digest | null;
  readonly after: Digest | null;
}

const shownMax = 3;

/** Kind by kind in the order of `materialKinds`, then by name: the order in which materials are hashed, stored and shown. */
export function sortedMaterials(materials: readonly Material[]): readonly Material[] {
  return [...materials].sort(compareMaterials);
}

/** The reuse key: the tagged digest of the sorted materials, so that order means nothing and each of them means something. */
export function reuseKey(materials: readonly Material[]): Digest {
  return documentDigest(
    "reuse",
    sortedMaterials(materials).map(({ kind, name, digest }) => [kind, name, digest]),
  );
}

/** Every material that is not the same on both sides, in the order of `sortedMaterials`. */
export function differenceOf(before: readonly Material[], after: readonly Material[]): readonly MaterialChange[] {
  const was = new Map(before.map((one) => [placeOf(one), one]));
  const is = new Map(after.map((one) => [placeOf(one), one]));
  const changed: MaterialChange[] = [];
  for (const [place, { kind, name, digest }] of is) {
    const earlier = was.get(place)?.digest ?? null;
    if (earlier !== digest) changed.push({ kind, name, before: earlier, after: digest });
  }
  for (const [place, { kind, name, digest }] of was) if (!is.has(place)) changed.push({ kind, name, before: digest, after: null });
  return changed.sort(compareMaterials);
}

/** The earlier ones, those with the fewest changes first, of equals the one that came first in the list. */
export function byCloseness<T extends { readonly materials: readonly Material[] }>(
  earlier: readonly T[],
  now: readonly Material[],
): readonly { readonly one: T; readonly changed: readonly MaterialChange[] }[] {
  return earlier.map((one) => ({ one, changed: differenceOf(one.materials, now) })).sort((a, b) => a.changed.length - b.changed.length);
}

export function reusedSentence(stepId: string, from: { readonly run_id: string; readonly attempt: number }, inputs: number): string {
  return `step ${stepId} was reused from run ${from.run_id}, attempt ${from.attempt}: nothing of ${countText(inputs, "input")} changed`;
}

export function changedSentence(stepId: string, changed: readonly MaterialChange[]): string {
  return `step ${stepId} ran again: ${changesText(changed)}`;
}

/** `code lib/parse.mjs and input inputs.csv changed`, at most three named. */
export function changesText(changed: readonly MaterialChange[]): string {
  const shown = changed.slice(0, shownMax).map(changeText);
  const rest = changed.length - shown.length;
  if (rest > 0) shown.push(`${rest} more changed`);
  const last = shown.pop() ?? "nothing changed";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}

function changeText({ kind, name, before, after }: MaterialChange): string {
  return `${kind === name ? `the ${name}` : `${kind} ${name}`} ${before === null ? "is new" : after === null ? "is gone" : "changed"}`;
}

function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function placeOf({ kind, name }: Pick<Material, "kind" | "name">): string {
  return `${kind}:${name}`;
}

function compareMaterials(a: Pick<Material, "kind" | "name">, b: Pick<Material, "kind" | "name">): number {
  return materialKinds.indexOf(a.kind) - materialKinds.indexOf(b.kind) || Number(a.name > b.name) - Number(a.name < b.name);
}
