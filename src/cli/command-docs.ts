/** Help of one command: a brief line for lists, a description, and examples that work as they stand. */
export function commandDocs(
  brief: string,
  description: string,
  examples: readonly (readonly [line: string, what: string])[],
): { readonly brief: string; readonly fullDescription: string } {
  const shown = examples.map(([line, what]) => `  ${line}\n      ${what}`).join("\n");
  return { brief, fullDescription: `${description}\n\nEXAMPLES\n${shown}` };
}
