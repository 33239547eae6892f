import { describe } from "vitest";
import { environmentProbeConformance, probeVariables } from "../../testkit/environment-probe-conformance.ts";
import { createMemoryEnvironmentProbe } from "./environment-probe.ts";

describe("memory environment probe", () => {
  environmentProbeConformance(async () => ({
    probe: createMemoryEnvironmentProbe({ variables: probeVariables, tools: { "/tools/node": "node" } }),
    sourceDir: "/",
    tool: "/tools/node",
  }));
});
