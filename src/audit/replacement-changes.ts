/** What people put in the place of an output in one of two runs, and not, or not the same, in the other: one row an output. */
import type { Change } from "./plan-changes.ts";
import type { OutputFile, RunFacts } from "./run-facts.ts";

/** Named `STEP.OUTPUT`. The same content is no difference, whoever made it. */
export function replacementChanges(a: RunFacts, b: RunFacts): readonly Change[] {
  const names = new Set([...replacedIn(a), ...replacedIn(b)]);
  return [...names].flatMap((name) => {
    const [one, other] = [filesOf(a, name), filesOf(b, name)];
    if (digestsOf(one) === digestsOf(other)) return [];
    return [{ kind: "replacement" as const, name, a: replacementText(a, one), b: replacementText(b, other) }];
  });
}

function replacedIn(run: RunFacts): readonly string[] {
  return [...run.steps].flatMap(([id, step]) => step.replaced.map((output) => `${id}.${output}`));
}

function filesOf(run: RunFacts, name: string): readonly OutputFile[] {
  const found = [...run.steps].flatMap(([id, step]) => [...(step.outputs ?? [])].flatMap(([output, files]) => (`${id}.${output}` === name ? [files] : [])));
  return found[0] ?? [];
}

function digestsOf(files: readonly OutputFile[]): string {
  return files.map((file) => file.digest).join();
}

/** Which artifacts of a person stand there; null where none does. */
function replacementText(run: RunFacts, files: readonly OutputFile[]): string | null {
  const made = files.flatMap((file) => {
    const ref = run.refs.get(file.artifactId);
    return ref?.producer_kind === "human" ? [`${ref.artifact_id} by ${ref.producer_id}`] : [];
  });
  return made.length === 0 ? null : made.join(", ");
}
