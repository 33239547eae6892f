/** The provenance graph as PROV-JSON (W3C member submission of 2013-04-24): artifacts are entities, attempts, gates and replacements activities. */
import type { JsonObject, JsonValue } from "../base/json-value.ts";
import type { ProvenanceEdge, ProvenanceNode, ProvenanceView } from "./provenance.ts";

const isEntity = (node: ProvenanceNode | undefined): boolean => node?.kind === "artifact" || node?.kind === "input";

export function provJson(runId: string, { nodes, edges }: ProvenanceView): JsonObject {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const name = (id: string): string => `run:${encodeURIComponent(id)}`;
  const described = (node: ProvenanceNode): JsonValue => ({
    "prov:label": node.label,
    "lily:kind": node.kind,
    ...(node.digest === null ? {} : { "lily:digest": node.digest }),
  });
  const section = (wanted: (node: ProvenanceNode) => boolean): JsonObject =>
    Object.fromEntries(nodes.filter(wanted).map((node) => [name(node.id), described(node)]));
  const relation = (wanted: (edge: ProvenanceEdge) => boolean, members: (edge: ProvenanceEdge) => JsonObject): JsonObject =>
    Object.fromEntries(edges.filter(wanted).map((edge, index) => [`_:${edge.kind}${index}`, members(edge)]));
  return {
    prefix: { run: `urn:lily:run:${runId}:`, lily: "urn:lily:provenance:" },
    entity: section(isEntity),
    activity: section((node) => !isEntity(node)),
    used: relation(
      (edge) => isEntity(byId.get(edge.from)),
      (edge) => ({ "prov:activity": name(edge.to), "prov:entity": name(edge.from) }),
    ),
    wasGeneratedBy: relation(
      (edge) => edge.kind === "produced",
      (edge) => ({ "prov:entity": name(edge.to), "prov:activity": name(edge.from) }),
    ),
    wasInformedBy: relation(
      (edge) => edge.kind !== "produced" && !isEntity(byId.get(edge.from)),
      (edge) => ({ "prov:informed": name(edge.to), "prov:informant": name(edge.from), "lily:kind": edge.kind }),
    ),
  };
}
