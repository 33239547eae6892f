/** The known name that was probably meant, or null: at most a third of the letters may differ. Long names and large sets are bounded. */
export function nearestName(wanted: string, known: Iterable<string>): string | null {
  if (wanted.length > nameLengthMax) return null;
  const allowed = wanted.length < 2 ? 0 : Math.max(1, Math.floor(wanted.length / 3));
  let best: string | null = null;
  let bestDistance = allowed + 1;
  let compared = 0;
  for (const name of known) {
    if (compared++ >= namesComparedMax) break;
    if (Math.abs(name.length - wanted.length) >= bestDistance || name === wanted) continue;
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

const nameLengthMax = 128;
const namesComparedMax = 2_000;

/** Levenshtein distance with neighbouring letters exchanged counting one; stops early at `limit`. */
function editDistance(left: string, right: string, limit: number): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(at(previous, column) + 1, at(current, column - 1) + 1, at(previous, column - 1) + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, at(beforePrevious, column - 2) + 1);
      current.push(cost);
      least = Math.min(least, cost);
    }
    if (least >= limit) return limit;
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.MAX_SAFE_INTEGER;
}
