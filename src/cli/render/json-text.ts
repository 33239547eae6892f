const unsafe = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A JSON document for people and programs. Beyond what JSON demands it escapes DEL, C1 controls and direction marks, so that printing
 * it cannot drive a terminal. Parsing gives the same value.
 */
export function jsonText(document: unknown, indent = 2): string {
  return `${JSON.stringify(document, null, indent).replace(unsafe, escapeUnit)}\n`;
}

/** The document on one line, for JSON lines. */
export function jsonLine(document: unknown): string {
  return jsonText(document, 0);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
