/** At most three words that a typed word was probably meant to be: few edits away, or sharing a part between underscores. */
export function closestWords(typed: string, words: readonly string[]): readonly string[] {
  const allowed = Math.max(2, Math.floor(typed.length / 4));
  return words
    .map((word) => ({ word, edits: editDistance(typed, word) }))
    .filter(({ word, edits }) => edits <= allowed || (typed.length >= 4 && word.includes(typed)))
    .sort((a, b) => a.edits - b.edits)
    .slice(0, 3)
    .map(({ word }) => word);
}

/** Levenshtein distance with one row of memory. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
