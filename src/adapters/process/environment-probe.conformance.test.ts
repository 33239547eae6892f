import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { describe } from "vitest";
import { environmentProbeConformance, probeVariables } from "../../testkit/environment-probe-conformance.ts";
import { createEnvironmentProbe } from "./environment-probe.ts";

describe("environment probe of this machine", () => {
  const tool = realpathSync(process.execPath);
  environmentProbeConformance(async () => ({ probe: createEnvironmentProbe({ kernelVersion: "0.1.0", env: probeVariables }), sourceDir: tmpdir(), tool }));
});
