// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Text of a log, title, path or reason made safe for a terminal: control characters and direction marks are shown as escapes, so that
 * nothing that a step wrote can move the cursor, hide a line or set a title. One line.
 */
export function plainText(text: string): string {
  return text.toWellFormed().replace(unsafe, visible);
}

/** The same for several lines: line ends and tabs stay, and CR before LF goes. */
export function plainLines(text: string): string {
  return text.replaceAll("\r\n", "\n").split("\n").map(plainLine).join("\n");
}

function plainLine(line: string): string {
  return line.split("\t").map(plainText).join("\t");
}

function visible(unit: string): string {
  const code = unit.charCodeAt(0);
  if (unit === "\n") return "\\n";
  if (unit === "\r") return "\\r";
  if (unit === "\t") return " ";
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
}
