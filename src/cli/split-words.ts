import { LilyError } from "../base/lily-error.ts";

/**
 * Splits the text of `--gate` into argv: words between blanks, `'...'` as it stands, `"..."` with `\"` and `\\`, `\x` outside quotes.
 * No shell runs it, so what only a shell would do is refused instead of being passed on as a word. Throws USAGE_INVALID.
 */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === " " || char === "\t" || char === "\n") {
      if (word !== null) words.push(word);
      word = null;
      at++;
      continue;
    }
    const piece: Piece = char === "'" ? single(text, at) : char === '"' ? double(text, at) : bare(text, at);
    word = (word ?? "") + piece.text;
    at = piece.next;
  }
  if (word !== null) words.push(word);
  if (words.length === 0 || words[0] === "") throw refuse("a gate needs a command");
  return words;
}

interface Piece {
  readonly text: string;
  readonly next: number;
}

function single(text: string, at: number): Piece {
  const end = text.indexOf("'", at + 1);
  if (end < 0) throw refuse("a single quote is not closed");
  return { text: text.slice(at + 1, end), next: end + 1 };
}

function double(text: string, at: number): Piece {
  let out = "";
  for (let i = at + 1; i < text.length; i++) {
    const char = text[i] ?? "";
    if (char === '"') return { text: out, next: i + 1 };
    if (char === "$" || char === "`") throw shellOnly(char);
    if (char === "\\" && (text[i + 1] === '"' || text[i + 1] === "\\")) i++;
    out += text[i] ?? "";
  }
  throw refuse("a double quote is not closed");
}

function bare(text: string, at: number): Piece {
  const char = text[at] ?? "";
  if ("|&;<>()$`".includes(char)) throw shellOnly(char);
  if (char !== "\\") return { text: char, next: at + 1 };
  const escaped = text[at + 1];
  if (escaped === undefined) throw refuse("a backslash stands at the end");
  return { text: escaped, next: at + 2 };
}

function shellOnly(char: string): LilyError {
  return refuse(`${char} is for a shell, and gates run without one; quote it, or write: sh -c '...'`);
}

function refuse(message: string): LilyError {
  return new LilyError("USAGE_INVALID", message);
}
