import type { StreamId } from "../contracts/ids.ts";
import { type ChainPosition, chainStart } from "./chain-reader.ts";

const streamsMax = 1024;

/** Where earlier readers of this process ended, so that a follower does not verify a long record again for every new event. */
export class PositionCache {
  readonly #positions = new Map<StreamId, ChainPosition>();

  /** The last verified place at or before event `seq`. */
  before(stream: StreamId, seq: number): ChainPosition {
    const position = this.#positions.get(stream);
    return position !== undefined && position.seq <= seq ? position : chainStart;
  }

  remember(stream: StreamId, position: ChainPosition): void {
    this.#positions.delete(stream);
    this.#positions.set(stream, position);
    if (this.#positions.size <= streamsMax) return;
    const [oldest] = this.#positions.keys();
    if (oldest !== undefined) this.#positions.delete(oldest);
  }
}
