/**
 * Owns: the schemas that this installation and workspace know, by schema id.
 * States of an id: unknown, registered; never replaced. A schema is compiled when it is first used.
 * Invariants
 * - A2 One id names one document: registering other content under an id is SCHEMA_DUPLICATE, the same content is a no-op.
 * - The digest is that of the canonical exported document, so what a plan binds is what validates.
 * Not responsible for: reading schema files; who may register.
 */
import { z } from "zod";
import { canonicalJson } from "../base/canonical-json.ts";
import { type Digest, digestBytes } from "../base/digest.ts";
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import { isJsonObject } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { isSchemaId, type SchemaId } from "../contracts/ids.ts";
import { builtinSchemas } from "./builtin-schemas.ts";
import { checkCompatibility } from "./schema-compat.ts";
import { compileJsonSchema, type SchemaCheck } from "./json-schema-validator.ts";
import { lintSchema, schemaDialect, schemaIdPrefix } from "./schema-lint.ts";
import type { SchemaProblem } from "./schema-problem.ts";

export type SchemaSource = { readonly jsonSchema: JsonObject } | { readonly zod: z.ZodType };
export type SchemaOrigin = "built-in" | "workspace" | "pack";

export interface RegisteredSchema {
  readonly schema_id: SchemaId;
  readonly origin: SchemaOrigin;
  /** JSON Schema 2020-12 with `$id` `lily:<schema_id>`. */
  readonly document: JsonObject;
  /** SHA-256 of the canonical form of `document`. */
  readonly digest: Digest;
}

export interface VersionProblem extends SchemaProblem {
  readonly schema_id: SchemaId;
  readonly previous: SchemaId;
}

export interface SchemaRegistry {
  /** Throws ID_INVALID, SCHEMA_INVALID, SCHEMA_DUPLICATE. */
  register(schemaId: string, source: SchemaSource, origin?: SchemaOrigin): RegisteredSchema;
  /** In order of id, versions of a name in order of number. */
  list(): readonly RegisteredSchema[];
  /** Null when no schema has this id. */
  find(schemaId: string): RegisteredSchema | null;
  /** Throws SCHEMA_UNKNOWN. */
  get(schemaId: string): RegisteredSchema;
  /** Problems of a payload; empty when it fits. Throws SCHEMA_UNKNOWN, SCHEMA_INVALID. */
  validate(schemaId: string, value: JsonValue): Promise<readonly SchemaProblem[]>;
  /** Compiles a schema now. Throws SCHEMA_UNKNOWN, also for a schema that it refers to, and SCHEMA_INVALID. */
  compile(schemaId: string): Promise<void>;
  /** Where a version would give readers of the version before it something they refuse. */
  versionProblems(): readonly VersionProblem[];
}

/** A registry that holds the built-in schemas. */
export function createSchemaRegistry(): SchemaRegistry {
  const registry = new Registry();
  for (const [id, zod] of Object.entries(builtinSchemas)) registry.register(id, { zod }, "built-in");
  return registry;
}

interface Entry extends RegisteredSchema {
  readonly references: readonly string[];
  check: Promise<SchemaCheck> | null;
}

class Registry implements SchemaRegistry {
  readonly #entries = new Map<string, Entry>();

  register(schemaId: string, source: SchemaSource, origin: SchemaOrigin = "workspace"): RegisteredSchema {
    if (!isSchemaId(schemaId)) throw new LilyError("ID_INVALID", `schema id ${JSON.stringify(schemaId.slice(0, 80))} is not name.vN, as weather_table.v1`);
    const document = exported(schemaId, source);
    const references = lintSchema(schemaId, document);
    const digest = digestBytes(canonicalJson(document, { fractions: true }));
    const known = this.#entries.get(schemaId);
    if (known === undefined) {
      const entry = { schema_id: schemaId, origin, document, digest, references, check: null };
      this.#entries.set(schemaId, entry);
      return entry;
    }
    if (known.digest === digest) return known;
    throw new LilyError("SCHEMA_DUPLICATE", `schema ${schemaId} is registered already with other content; give the new content a new version`, {
      details: { schema_id: schemaId, registered: known.digest, given: digest },
    });
  }

  list(): readonly RegisteredSchema[] {
    return [...this.#entries.values()].sort((a, b) => {
      const [nameA, nameB] = [nameOf(a.schema_id), nameOf(b.schema_id)];
      if (nameA !== nameB) return nameA < nameB ? -1 : 1;
      return versionOf(a.schema_id) - versionOf(b.schema_id);
    });
  }

  find(schemaId: string): RegisteredSchema | null {
    return this.#entries.get(schemaId) ?? null;
  }

  get(schemaId: string): RegisteredSchema {
    return this.#entry(schemaId);
  }

  async validate(schemaId: string, value: JsonValue): Promise<readonly SchemaProblem[]> {
    const check = await this.#check(schemaId);
    return check(value);
  }

  async compile(schemaId: string): Promise<void> {
    await this.#check(schemaId);
  }

  versionProblems(): readonly VersionProblem[] {
    const problems: VersionProblem[] = [];
    let previous: RegisteredSchema | null = null;
    for (const entry of this.list()) {
      if (previous !== null && nameOf(previous.schema_id) === nameOf(entry.schema_id)) {
        for (const problem of checkCompatibility(previous.document, entry.document)) {
          problems.push({ schema_id: entry.schema_id, previous: previous.schema_id, ...problem });
        }
      }
      previous = entry;
    }
    return problems;
  }

  #check(schemaId: string): Promise<SchemaCheck> {
    const entry = this.#entry(schemaId);
    if (entry.check !== null) return entry.check;
    const check = compileJsonSchema(entry.schema_id, entry.document, this.#reached(entry));
    entry.check = check;
    // A failed import may work the next time.
    check.catch(() => {
      entry.check = null;
    });
    return check;
  }

  /** The documents that a schema refers to, directly or through others. */
  #reached(start: Entry): readonly JsonObject[] {
    const seen = new Map<string, Entry>();
    const waiting = [...start.references];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (id === start.schema_id || seen.has(id)) continue;
      const entry = this.#entry(id);
      seen.set(id, entry);
      waiting.push(...entry.references);
    }
    return [...seen.values()].map((entry) => entry.document);
  }

  #entry(schemaId: string): Entry {
    const entry = this.#entries.get(schemaId);
    if (entry !== undefined) return entry;
    throw new LilyError("SCHEMA_UNKNOWN", `no schema ${JSON.stringify(schemaId.slice(0, 140))} is registered`, {
      details: { schema_id: schemaId.slice(0, 140) },
    });
  }
}

function exported(schemaId: SchemaId, source: SchemaSource): JsonObject {
  const document = "zod" in source ? exportZod(schemaId, source.zod) : source.jsonSchema;
  return { ...document, $schema: document["$schema"] ?? schemaDialect, $id: `${schemaIdPrefix}${schemaId}` };
}

function exportZod(schemaId: string, schema: z.ZodType): JsonObject {
  let text: string;
  try {
    text = JSON.stringify(z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" }));
  } catch (cause) {
    throw new LilyError("SCHEMA_INVALID", `schema ${schemaId} cannot be exported as JSON Schema`, { cause, details: { schema_id: schemaId } });
  }
  const document = parseJson(text);
  if (isJsonObject(document)) return document;
  throw new LilyError("SCHEMA_INVALID", `schema ${schemaId} is not an object`, { details: { schema_id: schemaId } });
}

function nameOf(schemaId: SchemaId): string {
  return schemaId.slice(0, schemaId.lastIndexOf(".v"));
}

function versionOf(schemaId: SchemaId): number {
  return Number(schemaId.slice(schemaId.lastIndexOf(".v") + 2));
}
