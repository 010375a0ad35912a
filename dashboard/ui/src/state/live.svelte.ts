/**
 * Whether and how the page is live. `generation` counts refreshes: whoever shows data asks again when it changes.
 *
 * Limits: the trace keeps the last `TRACE_COMMITS_MAX` commits.
 */
import { LiveFeed, type LiveStatus } from '../api/live';

export const TRACE_COMMITS_MAX = 48;
/** Without commits a live page still asks this often: time passes, and sources change their state. */
const IDLE_REFRESH_MS = 15_000;

class Live {
  status = $state<LiveStatus>('off');
  epoch = $state<number | null>(null);
  generation = $state(0);
  /** Events per commit, oldest first, for the small seismogram in the top bar. */
  trace = $state.raw<number[]>([]);
  #wanted = false;

  readonly #feed = new LiveFeed({
    status: (status) => (this.status = status),
    epoch: (epoch) => (this.epoch = epoch),
    counted: (events) => (this.trace = [...this.trace, events].slice(-TRACE_COMMITS_MAX)),
    refresh: () => this.refresh(),
  });

  refresh(): void {
    this.generation += 1;
  }

  /** Turns live updates on or off; a hidden tab listens to nothing. */
  want(wanted: boolean): void {
    this.#wanted = wanted;
    this.#apply();
  }

  watchVisibility(): void {
    document.addEventListener('visibilitychange', () => this.#apply());
    window.setInterval(() => {
      if (this.#wanted && !document.hidden) this.refresh();
    }, IDLE_REFRESH_MS);
  }

  #apply(): void {
    if (this.#wanted && !document.hidden) this.#feed.start();
    else if (this.status !== 'off') this.#feed.stop();
  }
}

export const live = new Live();
