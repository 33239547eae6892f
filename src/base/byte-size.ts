import { LilyError } from "./lily-error.ts";

const units: Readonly<Record<string, number>> = { "": 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
export const byteSizeMax = Number.MAX_SAFE_INTEGER;
export const byteSizePattern = /^(\d{1,12}(?:\.\d{1,3})?) ?(B|kB|KB|MB|GB|KiB|MiB|GiB)?$/;

/** Bytes of a whole number, or of `512 KiB`, `10MB`, `1.5GB` (decimal units by thousands, binary ones by 1024). Throws USAGE_INVALID. */
export function parseByteSize(size: number | string): number {
  const match = byteSizePattern.exec(String(size));
  const unit = match === null ? undefined : units[match[2] ?? ""];
  const bytes = match?.[1] === undefined || unit === undefined ? Number.NaN : Math.floor(Number(match[1]) * unit);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new LilyError("USAGE_INVALID", `not a size: ${JSON.stringify(String(size).slice(0, 40))}; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB`);
}
