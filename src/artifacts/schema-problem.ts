/** Where a value or a schema does not fit: a JSON pointer (empty for the whole) and a sentence. */
export interface SchemaProblem {
  readonly path: string;
  readonly message: string;
}

/** A JSON pointer one level deeper. */
export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
