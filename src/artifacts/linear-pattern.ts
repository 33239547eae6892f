/**
 * Regular expressions of schemas, matched in time linear in the text: a set of states moves over the text once (Thompson 1968), so no
 * pattern can hold the process. JavaScript's own engine backtracks and takes seconds for `^(a+)+$` on thirty characters.
 *
 * Accepted is the common part of ECMA-262 with the `u` flag: literals, `.`, classes, escapes, groups, alternatives, `* + ? {n,m}`
 * greedy or lazy, `^ $ \b \B`. Refused with a reason: look-around, back-references, and patterns that grow beyond `statesMax`. Single
 * characters are judged by the engine of the language itself, one code point at a time, so that classes mean what they mean there.
 * Why: docs/decisions/0011-linear-patterns.md.
 */
import { LilyError } from "../base/lily-error.ts";

export interface LinearPattern {
  readonly source: string;
  /** True when the pattern occurs anywhere in the text. Cost: text length times number of states; INPUT_TOO_LARGE when that is too much. */
  test(text: string): boolean;
}

const statesMax = 2_000;
const patternLengthMax = 4_096;
/** Text length times states: beyond it a text is refused, because linear in something enormous is still long. */
const stepsMax = 20_000_000;

type CharTest = (char: string) => boolean;
type Assertion = "start" | "end" | "word" | "not-word";

type State =
  | { readonly kind: "char"; readonly accepts: CharTest }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "jump"; readonly to: number[] }
  | { readonly kind: "match" };

/** A piece of the pattern before it becomes states. */
type Node =
  | { readonly kind: "char"; readonly accepts: CharTest }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "sequence"; readonly items: readonly Node[] }
  | { readonly kind: "either"; readonly options: readonly Node[] }
  | { readonly kind: "repeat"; readonly item: Node; readonly least: number; readonly most: number };

/** Throws SCHEMA_INVALID saying what in the pattern is refused. */
export function compileLinearPattern(source: string): LinearPattern {
  if (source.length > patternLengthMax) throw refuse(source, `is longer than ${patternLengthMax} characters`);
  try {
    RegExp(source, "u");
  } catch (cause) {
    throw new LilyError("SCHEMA_INVALID", `pattern ${shown(source)} is not a regular expression`, { cause });
  }
  const root = new PatternParser(source).parse();
  const states = buildStates(source, root);
  const anchored = root.kind === "sequence" && root.items[0]?.kind === "assert" && root.items[0].what === "start";
  return {
    source,
    test: (text) => {
      if (text.length * states.length > stepsMax)
        throw new LilyError("INPUT_TOO_LARGE", `a text of ${text.length} characters is too long for pattern ${shown(source)}`);
      return matches(states, text, anchored);
    },
  };
}

class PatternParser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** The syntax is valid: the language's own engine accepted it before. */
  parse(): Node {
    const options: Node[] = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: "either", options };
  }

  #sequence(): Node {
    const items: Node[] = [];
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") items.push(this.#repeated(this.#atom()));
    return { kind: "sequence", items };
  }

  #atom(): Node {
    switch (this.#peek()) {
      case "(":
        return this.#group();
      case "[":
        return this.#judged(/\[(?:\\[\s\S]|[^\]\\])*\]/y);
      case "\\":
        return this.#escape();
      case "^":
        this.#at++;
        return { kind: "assert", what: "start" };
      case "$":
        this.#at++;
        return { kind: "assert", what: "end" };
      default:
        return this.#judged(/[\s\S]/uy);
    }
  }

  #group(): Node {
    this.#at++;
    if (this.#take("?") && !this.#take(":")) {
      const name = /<[^=!>][^>]*>/y;
      name.lastIndex = this.#at;
      if (!name.test(this.#source)) throw refuse(this.#source, "uses look-around or flags in a group");
      this.#at = name.lastIndex;
    }
    const inner = this.parse();
    this.#at++;
    return inner;
  }

  #escape(): Node {
    const next = this.#source[this.#at + 1] ?? "";
    if (/[1-9k]/.test(next)) throw refuse(this.#source, "uses a back-reference");
    if (next === "b" || next === "B") {
      this.#at += 2;
      return { kind: "assert", what: next === "b" ? "word" : "not-word" };
    }
    return this.#judged(
      /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[\s\S])/uy,
    );
  }

  /** One character, described by a piece of the pattern that the language's engine judges. */
  #judged(piece: RegExp): Node {
    piece.lastIndex = this.#at;
    const text = piece.exec(this.#source)?.[0] ?? "";
    this.#at += text.length;
    const judge = RegExp(`^${text}$`, "u");
    const known = new Map<string, boolean>();
    return {
      kind: "char",
      accepts: (char) => {
        let verdict = known.get(char);
        if (verdict === undefined) {
          verdict = judge.test(char);
          if (known.size < 1_024) known.set(char, verdict);
        }
        return verdict;
      },
    };
  }

  #repeated(item: Node): Node {
    const sign = /[*+?]|\{(\d+)(,?)(\d*)\}/y;
    sign.lastIndex = this.#at;
    const match = sign.exec(this.#source);
    if (match === null) return item;
    this.#at = sign.lastIndex;
    // Lazy or greedy decides what is captured, never whether something matches.
    this.#take("?");
    const [text, least, comma, most] = match;
    if (text === "*") return { kind: "repeat", item, least: 0, most: Number.POSITIVE_INFINITY };
    if (text === "+") return { kind: "repeat", item, least: 1, most: Number.POSITIVE_INFINITY };
    if (text === "?") return { kind: "repeat", item, least: 0, most: 1 };
    const bound = comma === "" ? Number(least) : most === "" ? Number.POSITIVE_INFINITY : Number(most);
    return { kind: "repeat", item, least: Number(least), most: bound };
  }

  #peek(): string | undefined {
    return this.#source[this.#at];
  }

  #take(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at++;
    return true;
  }
}

function buildStates(source: string, root: Node): readonly State[] {
  const states: State[] = [];
  const add = (state: State): State => {
    if (states.length >= statesMax) throw refuse(source, `grows beyond ${statesMax} states; make its repetitions smaller`);
    states.push(state);
    return state;
  };
  const jump = (): number[] => {
    const to: number[] = [];
    add({ kind: "jump", to });
    return to;
  };
  const emit = (node: Node): void => {
    switch (node.kind) {
      case "char":
      case "assert":
        add(node);
        return;
      case "sequence":
        for (const item of node.items) emit(item);
        return;
      case "either":
        emitEither(node.options);
        return;
      case "repeat":
        emitRepeat(node.item, node.least, node.most);
        return;
    }
  };
  const emitEither = (options: readonly Node[]): void => {
    const fork = jump();
    const ends: number[][] = [];
    for (const option of options) {
      fork.push(states.length);
      emit(option);
      ends.push(jump());
    }
    for (const end of ends) end.push(states.length);
  };
  const emitRepeat = (item: Node, least: number, most: number): void => {
    for (let i = 0; i < least; i++) {
      const size = states.length;
      emit(item);
      if (states.length === size) return;
    }
    if (most === Number.POSITIVE_INFINITY) {
      const start = states.length;
      const fork = jump();
      fork.push(states.length);
      emit(item);
      jump().push(start);
      fork.push(states.length);
      return;
    }
    const forks: number[][] = [];
    for (let i = least; i < most; i++) {
      const fork = jump();
      fork.push(states.length);
      emit(item);
      forks.push(fork);
    }
    for (const fork of forks) fork.push(states.length);
  };
  emit(root);
  add({ kind: "match" });
  return states;
}

function matches(states: readonly State[], text: string, anchored: boolean): boolean {
  const marks = new Int32Array(states.length).fill(-1);
  let reached: number[] = [0];
  let position = 0;
  let before = "";
  for (const char of text) {
    const waiting: number[] = [];
    if (enter(states, reached, marks, position, before, char, waiting)) return true;
    reached = [];
    for (const index of waiting) {
      const state = states[index];
      if (state?.kind === "char" && state.accepts(char)) reached.push(index + 1);
    }
    // A match may start anywhere, so the first state joins at every position, unless the pattern starts with ^.
    if (!anchored) reached.push(0);
    else if (reached.length === 0) return false;
    before = char;
    position++;
  }
  return enter(states, reached, marks, position, before, "", []);
}

/** Follows jumps and assertions from `from`; fills `waiting` with the states that want a character. True when a match was reached. */
function enter(
  states: readonly State[],
  from: readonly number[],
  marks: Int32Array,
  position: number,
  before: string,
  after: string,
  waiting: number[],
): boolean {
  const stack = [...from];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    if (marks[index] === position) continue;
    marks[index] = position;
    const state = states[index];
    switch (state?.kind) {
      case "match":
        return true;
      case "char":
        waiting.push(index);
        break;
      case "jump":
        stack.push(...state.to);
        break;
      case "assert":
        if (holds(state.what, before, after)) stack.push(index + 1);
        break;
      case undefined:
        break;
    }
  }
  return false;
}

function holds(what: Assertion, before: string, after: string): boolean {
  switch (what) {
    case "start":
      return before === "";
    case "end":
      return after === "";
    case "word":
      return isWord(before) !== isWord(after);
    case "not-word":
      return isWord(before) === isWord(after);
  }
}

function isWord(char: string): boolean {
  return /^\w$/.test(char);
}

function refuse(source: string, why: string): LilyError {
  return new LilyError("SCHEMA_INVALID", `pattern ${shown(source)} ${why}`);
}

function shown(source: string): string {
  return JSON.stringify(source.slice(0, 80));
}
