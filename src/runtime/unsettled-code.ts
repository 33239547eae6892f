/**
 * Owns: trusted code of ended attempts that has not settled yet, by run and step, as long as the kernel is open: a run that a fault ended
 * may be driven again by the same process while its code goes on. Invariants: E6 a step with unsettled code starts no other attempt.
 */
export class UnsettledCode {
  readonly #settling = new Map<string, Promise<void>>();

  keep(runId: string, stepId: string, settled: Promise<void>): void {
    const place = `${runId}/${stepId}`;
    this.#settling.set(
      place,
      settled.then(() => void this.#settling.delete(place)),
    );
  }

  /** Resolves when the step's code has settled; null when there is none to wait for. */
  settlingOf(runId: string, stepId: string): Promise<void> | null {
    return this.#settling.get(`${runId}/${stepId}`) ?? null;
  }
}
