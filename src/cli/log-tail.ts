import { open } from "node:fs/promises";

/** The last lines of a file, at most `bytes` of it. Empty when it cannot be read: a tail is a help, never a reason to fail. */
export async function tailLines(path: string, lines: number, bytes = 8192): Promise<readonly string[]> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - bytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
      const text = new TextDecoder().decode(buffer.subarray(0, bytesRead));
      const all = text.replace(/\n$/, "").split("\n");
      return (start > 0 ? all.slice(1) : all).slice(-lines);
    } finally {
      await file.close();
    }
  } catch {
    return [];
  }
}
