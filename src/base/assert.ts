import { LilyError } from "./lily-error.ts";

/** For mistakes of the programmer only. The message starts with the invariant, as `L1: sequence must grow by one`. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new LilyError("INTERNAL_INVARIANT", message);
}

/** Makes a switch exhaustive: compiles only when every case was handled. */
export function unreachable(value: never): never {
  throw new LilyError("INTERNAL_INVARIANT", `unreachable: ${String(value)}`);
}
