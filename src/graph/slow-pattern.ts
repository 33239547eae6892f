/**
 * Says why a regular expression is refused in a parameter's schema, or null. JavaScript's engine backtracks, and some patterns take
 * exponential or high polynomial time on short texts. What is accepted costs at most about the square of the length of a text that is
 * itself bounded, times 64: one open-ended repetition, two in a pattern that begins with ^, and few choices beside them. Refused,
 * though some would be harmless: a repetition of anything that repeats or branches, look-around, back-references.
 */
const patternLengthMax = 256;
const repeatMax = 1_000;
const choicesMax = 64;
/** A bounded repetition up to this many times counts as that many choices; above, as open-ended. */
const smallRepeatMax = 20;

export function slowPatternProblem(pattern: string): string | null {
  if (pattern.length > patternLengthMax) return `is longer than ${patternLengthMax} characters`;
  try {
    RegExp(pattern, "u");
  } catch {
    return "is not a regular expression";
  }
  return new PatternReader(pattern).problem();
}

interface Group {
  repeats: boolean;
  branches: boolean;
  alternatives: number;
}

const atom: Readonly<Group> = { repeats: false, branches: false, alternatives: 1 };

class PatternReader {
  readonly #pattern: string;
  #at = 0;
  #open = 0;
  #choices = 1;
  readonly #groups: Group[] = [{ ...atom }];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  problem(): string | null {
    while (this.#at < this.#pattern.length) {
      const found = this.#next();
      if (found !== null) return found;
    }
    const anchored = this.#pattern.startsWith("^") && this.#top().alternatives === 1;
    if (this.#open > (anchored ? 2 : 1)) return "has more than one open-ended repetition (two when it begins with ^)";
    return this.#choices > choicesMax ? `leaves more than ${choicesMax} choices` : null;
  }

  #next(): string | null {
    switch (this.#pattern[this.#at]) {
      case "(":
        return this.#enter();
      case ")":
        return this.#leave();
      case "|":
        this.#at++;
        this.#top().branches = true;
        this.#top().alternatives++;
        return null;
      case "[":
        this.#skipClass();
        return this.#repetition(atom);
      case "\\":
        return this.#escape();
      default:
        this.#at++;
        return this.#repetition(atom);
    }
  }

  #enter(): string | null {
    const rest = this.#pattern.slice(this.#at);
    if (rest.startsWith("(?") && !rest.startsWith("(?:")) return "uses look-around or named groups";
    this.#at += rest.startsWith("(?:") ? 3 : 1;
    this.#groups.push({ ...atom });
    return null;
  }

  #leave(): string | null {
    this.#at++;
    const group = this.#groups.pop() ?? { ...atom };
    this.#choices *= group.alternatives;
    const outer = this.#top();
    outer.repeats ||= group.repeats;
    outer.branches ||= group.branches;
    return this.#repetition(group);
  }

  #escape(): string | null {
    const escaped = this.#pattern[this.#at + 1] ?? "";
    if (/[1-9k]/.test(escaped)) return "uses a back-reference";
    const braces = /^\\[pPu]\{[^}]*\}/.exec(this.#pattern.slice(this.#at));
    this.#at += braces === null ? 2 : braces[0].length;
    return this.#repetition(atom);
  }

  #skipClass(): void {
    this.#at++;
    while (this.#pattern[this.#at] !== "]") this.#at += this.#pattern[this.#at] === "\\" ? 2 : 1;
    this.#at++;
  }

  #repetition(repeated: Readonly<Group>): string | null {
    const match = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#pattern.slice(this.#at));
    if (match === null) return null;
    this.#at += match[0].length;
    const sign = match[0][0];
    const most = sign === "?" ? 1 : match[1] === undefined || (match[2] === "," && match[3] === "") ? Number.POSITIVE_INFINITY : Number(match[3] || match[1]);
    if (most <= 1) {
      this.#top().branches = true;
      this.#choices *= 2;
      return null;
    }
    if (Number.isFinite(most) && most > repeatMax) return `repeats more than ${repeatMax} times`;
    if (repeated.repeats || repeated.branches) return "repeats something that itself repeats or branches";
    this.#top().repeats = true;
    if (most > smallRepeatMax && !isExact(match)) this.#open++;
    else if (!isExact(match)) this.#choices *= most;
    return null;
  }

  #top(): Group {
    const top = this.#groups.at(-1);
    return top ?? { ...atom };
  }
}

/** `{3}` leaves nothing to try again. */
function isExact(match: RegExpExecArray): boolean {
  return match[1] !== undefined && match[2] === "";
}
