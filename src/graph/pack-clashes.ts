/** Names that two packs, or a pack and the workspace or the kernel, both bring. Nothing replaces anything: each clash names both sides. */
import type { PackManifest } from "./pack-manifest.ts";

/** Who brings names: a pack, lily.yaml, or Lily itself. */
export interface NameOwner {
  /** `pack tabular`, `lily.yaml`, `Lily`. */
  readonly title: string;
  /** The file that says so; null for Lily itself. */
  readonly file: string | null;
  readonly names: PackNames;
}

export type NameKind = "pack" | "schema" | "module" | "executor" | "template" | "route";
export type PackNames = Readonly<Partial<Record<NameKind, readonly string[]>>>;

export interface PackClash {
  readonly kind: NameKind;
  readonly name: string;
  readonly message: string;
}

/** What a manifest brings, by kind. Templates of steps and gates share one kind, so that a name means one thing. */
export function namesOf(manifest: PackManifest): PackNames {
  return {
    pack: [manifest.pack],
    schema: Object.keys(manifest.schemas),
    module: Object.keys(manifest.modules),
    executor: Object.keys(manifest.executors),
    template: [...Object.keys(manifest.stepTemplates), ...Object.keys(manifest.gateTemplates)],
    route: manifest.routes.map((route) => route.id),
  };
}

const kinds: readonly NameKind[] = ["pack", "schema", "module", "executor", "template", "route"];

/** Every clash, in the order of the owners. Names that differ in case only clash too: a file system may join them. */
export function packClashes(owners: readonly NameOwner[]): readonly PackClash[] {
  const clashes: PackClash[] = [];
  for (const kind of kinds) {
    const first = new Map<string, { readonly owner: NameOwner; readonly name: string }>();
    for (const owner of owners) {
      for (const name of owner.names[kind] ?? []) {
        const known = first.get(name.toLowerCase());
        if (known === undefined) first.set(name.toLowerCase(), { owner, name });
        else if (known.owner !== owner) clashes.push({ kind, name, message: messageOf(kind, known.name, known.owner, name, owner) });
      }
    }
  }
  return clashes;
}

function messageOf(kind: NameKind, firstName: string, first: NameOwner, name: string, second: NameOwner): string {
  const both = firstName === name ? `the ${kind} ${name}` : `the ${kind} ${firstName}, which ${name} differs from in case only,`;
  return `${both} is brought by ${placed(first)} and by ${placed(second)}; one of them has to go or be renamed`;
}

function placed({ title, file }: NameOwner): string {
  return file === null ? title : `${title} (${file})`;
}
