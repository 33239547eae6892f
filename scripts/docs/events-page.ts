import { z } from "zod";
import { eventDataSchemas } from "../../src/contracts/events.ts";
import { heading, type Page } from "./page.ts";

const introduction = `
A record is a list of events, one line each. Every line has the same members around \`data\` (see [the record format](../formats/record.md));
what \`data\` holds depends on \`kind\` and is given here as JSON Schema 2020-12. The union is closed: a reader that meets another kind says that
the record is newer than it is. Kinds are never renamed and never reused.
`;

/** `docs/reference/events.md`. */
export const eventsPage: Page = {
  path: "docs/reference/events.md",
  render() {
    const sections = Object.entries(eventDataSchemas).map(([kind, schema]) => {
      const { $schema: _, ...document } = z.toJSONSchema(schema, { io: "input" });
      return `## ${kind}\n\n\`\`\`json\n${JSON.stringify(document, null, 2)}\n\`\`\`\n`;
    });
    return [heading("Events", "src/contracts/events.ts"), introduction, ...sections].join("\n");
  },
};
