import { readFileSync } from "node:fs";
import path from "node:path";

/** One row of the arrow table. */
export interface Room {
  readonly duty: string;
  readonly imports: readonly string[];
  /** Names without `node:`; `*` allows all. */
  readonly node: readonly string[];
  readonly packages: readonly string[];
  readonly pure: boolean;
}

export interface Layers {
  readonly rooms: Readonly<Record<string, Room>>;
}

/** Reads the arrow table of a repository. */
export function readLayers(root: string): Layers {
  return JSON.parse(readFileSync(path.join(root, "layers.json"), "utf8")) as Layers;
}
