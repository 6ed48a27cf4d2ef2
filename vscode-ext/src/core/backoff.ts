/** When a server that ended by itself is started again: soon at first, later and later, and not for ever. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
const MOST_RESTARTS = 5;
/** A server that lived so long is taken for sound: counting begins anew. */
const SOUND_MS = 3 * 60_000;

export class Backoff {
  private restarts = 0;
  private started = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** The server has started. */
  begin(): void {
    this.started = this.now();
  }

  /** The server ended; the wait in milliseconds before the next start, `undefined` where there is to be none. */
  next(): number | undefined {
    if (this.now() - this.started >= SOUND_MS) this.restarts = 0;
    if (this.restarts >= MOST_RESTARTS) return undefined;
    this.restarts += 1;
    return Math.min(FIRST_MS * 2 ** (this.restarts - 1), LONGEST_MS);
  }

  /** Whether the next end is the first of a row, which is the one that people are told of. */
  get isFirst(): boolean {
    return this.restarts <= 1;
  }

  /** Somebody asked for a restart: what was counted is forgotten. */
  reset(): void {
    this.restarts = 0;
  }
}
