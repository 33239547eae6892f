import { z } from "zod";
import { artifactIdSchema, producerKinds, timeSchema } from "./artifact-ref.ts";

/** The typed wrapper around every structured artifact (A2). `payload_sha256` is hex64 of sha256(JCS(payload)). Unknown members are refused. */
export const envelopeSchema = z.strictObject({
  meta: z.strictObject({
    schema_id: z
      .string()
      .max(128)
      .regex(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9]\d{0,5}$/),
    producer_id: z.string().min(1).max(256),
    producer_kind: z.enum(producerKinds),
    created_at: timeSchema,
    inputs: z.array(artifactIdSchema),
    payload_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  payload: z.json(),
});
export type Envelope = z.output<typeof envelopeSchema>;
