/** The values that a use of a template gives, checked by the template's own schemas like the params of a workflow. */
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";
import type { PackTemplate } from "./pack-template.ts";
import { type ParamCheck, paramCompiler } from "./param-schema.ts";
import type { Report } from "./problem-list.ts";
import { parseTemplate } from "./template.ts";

/** Owns: the compiled schemas of the templates of one document, so that ten thousand uses compile them once. */
export class TemplateValues {
  readonly #checks = new Map<PackTemplate, Promise<ReadonlyMap<string, ParamCheck>>>();

  /** Null when there is a problem; each is reported at the use, whose path is `path`. */
  async of(id: string, template: PackTemplate, use: JsonObject, path: readonly PropertyKey[], report: Report): Promise<ReadonlyMap<string, JsonValue> | null> {
    const given = use["with"] ?? {};
    if (!isJsonObject(given)) {
      report([...path, "with"], "must be a map of the template's params");
      return null;
    }
    const checks = await this.#checksOf(template);
    const values = new Map<string, JsonValue>();
    let sound = true;
    const refuse: Report = (at, message, options) => {
      sound = false;
      report(at, message, options);
    };
    for (const name of Object.keys(given))
      if (!checks.has(name)) refuse([...path, "with", name], `template ${id} has no param ${name}`, { wanted: name, known: checks.keys() });
    for (const [name, check] of checks) {
      const own = Object.hasOwn(given, name) ? given[name] : undefined;
      const value = own ?? (own === null ? null : template.params[name]?.["default"]);
      if (value === undefined) refuse([...path, "template"], `template ${id} needs with.${name}, which has no default`);
      else if (own !== undefined && !isReference(own)) {
        const problem = check(own);
        if (problem !== null) refuse([...path, "with", name], `${JSON.stringify(own).slice(0, 80)} does not fit param ${name} of template ${id}: ${problem}`);
      }
      if (value !== undefined) values.set(name, value);
    }
    return sound ? values : null;
  }

  #checksOf(template: PackTemplate): Promise<ReadonlyMap<string, ParamCheck>> {
    const known = this.#checks.get(template);
    if (known !== undefined) return known;
    const checks = compiled(template);
    this.#checks.set(template, checks);
    return checks;
  }
}

async function compiled({ params }: PackTemplate): Promise<ReadonlyMap<string, ParamCheck>> {
  const entries = Object.entries(params);
  if (entries.length === 0) return new Map();
  const compile = await paramCompiler();
  return new Map(entries.map(([name, schema]) => [name, compile(name, schema)]));
}

/** What is exactly one reference is known when the run is; whoever takes the value checks it then. */
function isReference(value: JsonValue): boolean {
  if (typeof value !== "string") return false;
  const [first, more] = parseTemplate(value);
  return first?.kind === "reference" && more === undefined;
}
