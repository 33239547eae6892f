/** At most `max` UTF-16 units of a text, well-formed: what was cut in two or was no text at all becomes U+FFFD, so it can be recorded. */
export function clipText(text: string, max: number): string {
  return (text.length <= max ? text : text.slice(0, max)).toWellFormed();
}
