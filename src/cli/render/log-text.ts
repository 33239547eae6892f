import { TextDecoder } from "node:util";
import { plainLines } from "./plain-text.ts";

/** Turns the bytes of a log, piece by piece, into text that is safe for a terminal. What a border cuts, comes with the next piece. */
export interface LogText {
  next(bytes: Uint8Array): string;
  /** What was held back. */
  end(): string;
}

export function logText(): LogText {
  const decoder = new TextDecoder();
  let held = "";
  return {
    next(bytes) {
      const text = held + decoder.decode(bytes, { stream: true });
      held = text.endsWith("\r") ? "\r" : "";
      return plainLines(text.slice(0, text.length - held.length));
    },
    end() {
      const text = held + decoder.decode();
      held = "";
      return plainLines(text);
    },
  };
}
