import { describe } from "vitest";
import { signatureVerifierConformance } from "../../testkit/signature-verifier-conformance.ts";
import { signatureVerifier } from "./signature-verifier.ts";

describe("signature verifier of Node", () => {
  signatureVerifierConformance(async () => signatureVerifier);
});
