/**
 * Says why a regular expression is refused in a parameter's schema, or null. JavaScript's engine backtracks, and some patterns take
 * exponential or high polynomial time on short texts. What is accepted can backtrack over one open-ended repetition only: its cost is
 * at most quadratic in a text that is itself bounded. Refused, though some would be harmless: a repetition of anything that repeats or
 * branches, more than one open-ended repetition unless each but the last is held apart by what follows, look-around, back-references.
 */
const patternLengthMax = 256;
const repeatMax = 1_000;

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
}

class PatternReader {
  readonly #pattern: string;
  #at = 0;
  #open = 0;
  readonly #groups: Group[] = [{ repeats: false, branches: false }];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  problem(): string | null {
    while (this.#at < this.#pattern.length) {
      const found = this.#next();
      if (found !== null) return found;
    }
    if (this.#open > 2) return "has more than two open-ended repetitions";
    return null;
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
        return null;
      case "[":
        this.#skipClass();
        return this.#repetition({ repeats: false, branches: false });
      case "\\":
        return this.#escape();
      default:
        this.#at++;
        return this.#repetition({ repeats: false, branches: false });
    }
  }

  #enter(): string | null {
    const rest = this.#pattern.slice(this.#at);
    if (rest.startsWith("(?") && !rest.startsWith("(?:")) return "uses look-around or named groups";
    this.#at += rest.startsWith("(?:") ? 3 : 1;
    this.#groups.push({ repeats: false, branches: false });
    return null;
  }

  #leave(): string | null {
    this.#at++;
    const group = this.#groups.pop() ?? { repeats: false, branches: false };
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
    return this.#repetition({ repeats: false, branches: false });
  }

  #skipClass(): void {
    this.#at++;
    while (this.#pattern[this.#at] !== "]") this.#at += this.#pattern[this.#at] === "\\" ? 2 : 1;
    this.#at++;
  }

  #repetition(repeated: Group): string | null {
    const match = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#pattern.slice(this.#at));
    if (match === null) return null;
    this.#at += match[0].length;
    const sign = match[0][0];
    const most = sign === "?" ? 1 : match[1] === undefined || (match[2] === "," && match[3] === "") ? Number.POSITIVE_INFINITY : Number(match[3] || match[1]);
    if (most <= 1) return null;
    if (Number.isFinite(most) && most > repeatMax) return `repeats more than ${repeatMax} times`;
    if (repeated.repeats || repeated.branches) return "repeats something that itself repeats or branches";
    this.#top().repeats = true;
    if (!Number.isFinite(most) || most > 20) this.#open++;
    return null;
  }

  #top(): Group {
    const top = this.#groups.at(-1);
    return top ?? { repeats: false, branches: false };
  }
}
