/**
 * The live stream: tells the page when something was committed, at most once per `REFRESH_MS`, and reconnects by itself.
 *
 * Promises: after a gap (reconnect, `lagged`, a hidden tab) there is always one refresh, so nothing on screen stays stale.
 * Limits: one timer, one connection; waiting between attempts doubles up to `RETRY_MS_MAX`.
 */
import type { LiveCommit, LiveHello } from './types';

export const REFRESH_MS = 1_500;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

export type LiveStatus = 'off' | 'connecting' | 'open' | 'reconnecting';

export interface LiveListener {
  status(status: LiveStatus): void;
  epoch(epoch: number): void;
  counted(events: number): void;
  refresh(): void;
}

/** What the feed needs from its surroundings; tests hand in their own. */
export interface LiveSurroundings {
  open(address: string): EventSource;
  setTimer(action: () => void, afterMs: number): number;
  clearTimer(timer: number): void;
}

const BROWSER: LiveSurroundings = {
  open: (address) => new EventSource(address),
  setTimer: (action, afterMs) => window.setTimeout(action, afterMs),
  clearTimer: (timer) => window.clearTimeout(timer),
};

export class LiveFeed {
  #source: EventSource | null = null;
  #refreshTimer: number | null = null;
  #retryTimer: number | null = null;
  #retryMs = RETRY_MS_MIN;
  #gap = false;

  constructor(
    private readonly listener: LiveListener,
    private readonly surroundings: LiveSurroundings = BROWSER,
  ) {}

  start(): void {
    if (this.#source !== null || this.#retryTimer !== null) return;
    this.#connect('connecting');
  }

  /** Stops listening; the next `start` begins with a refresh. */
  stop(): void {
    this.#close();
    for (const timer of [this.#refreshTimer, this.#retryTimer]) {
      if (timer !== null) this.surroundings.clearTimer(timer);
    }
    this.#refreshTimer = null;
    this.#retryTimer = null;
    this.#gap = true;
    this.listener.status('off');
  }

  #connect(status: LiveStatus): void {
    this.listener.status(status);
    const source = this.surroundings.open('/api/v1/live');
    this.#source = source;
    source.addEventListener('hello', (event) => this.#hello(JSON.parse(event.data) as LiveHello));
    source.addEventListener('commit', (event) => this.#commit(JSON.parse(event.data) as LiveCommit));
    source.addEventListener('lagged', () => this.#refreshNow());
    source.onerror = () => this.#failed();
  }

  #hello(hello: LiveHello): void {
    this.#retryMs = RETRY_MS_MIN;
    this.listener.status('open');
    this.listener.epoch(hello.epoch);
    if (this.#gap) this.#refreshNow();
    this.#gap = false;
  }

  #commit(commit: LiveCommit): void {
    this.listener.epoch(commit.epoch);
    this.listener.counted(commit.counted);
    this.#refreshTimer ??= this.surroundings.setTimer(() => {
      this.#refreshTimer = null;
      this.listener.refresh();
    }, REFRESH_MS);
  }

  #refreshNow(): void {
    if (this.#refreshTimer !== null) this.surroundings.clearTimer(this.#refreshTimer);
    this.#refreshTimer = null;
    this.listener.refresh();
  }

  #failed(): void {
    this.#close();
    this.#gap = true;
    this.listener.status('reconnecting');
    this.#retryTimer = this.surroundings.setTimer(() => {
      this.#retryTimer = null;
      this.#connect('reconnecting');
    }, this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #close(): void {
    if (this.#source === null) return;
    this.#source.onerror = null;
    this.#source.close();
    this.#source = null;
  }
}
