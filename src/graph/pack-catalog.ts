import type { PackRoute } from "./pack-manifest.ts";
import type { PackTemplate } from "./pack-template.ts";

/** What the packs of a workspace bring to a workflow document, all packs together. */
export interface PackCatalog {
  /** Names of modules that packs bring: they run in a process of their own. */
  readonly modules: ReadonlySet<string>;
  readonly executors: ReadonlyMap<string, readonly string[]>;
  readonly stepTemplates: ReadonlyMap<string, PackTemplate>;
  readonly gateTemplates: ReadonlyMap<string, PackTemplate>;
  readonly routes: readonly PackRoute[];
}

export const emptyCatalog: PackCatalog = { modules: new Set(), executors: new Map(), stepTemplates: new Map(), gateTemplates: new Map(), routes: [] };
