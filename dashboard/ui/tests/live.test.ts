/** The live feed, on a stream and timers moved by hand. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LiveFeed, REFRESH_MS } from '../src/api/live';

class FakeStream {
  closed = false;
  onerror: (() => void) | null = null;
  readonly #listeners = new Map<string, (event: { data: string }) => void>();
  addEventListener(name: string, action: (event: { data: string }) => void): void {
    this.#listeners.set(name, action);
  }
  send(name: string, data: unknown = {}): void {
    this.#listeners.get(name)?.({ data: JSON.stringify(data) });
  }
  close(): void {
    this.closed = true;
  }
}

describe('live feed', () => {
  let streams: FakeStream[];
  let timers: { action: () => void; afterMs: number }[];
  let said: string[];
  let feed: LiveFeed;
  const stream = () => streams.at(-1)!;
  const fire = () => timers.splice(0).forEach((timer) => timer.action());
  const refreshes = () => said.filter((word) => word === 'refresh').length;

  beforeEach(() => {
    [streams, timers, said] = [[], [], []];
    feed = new LiveFeed(
      { status: (status) => said.push(status), epoch: (epoch) => said.push(`epoch ${epoch}`), counted: () => undefined, refresh: () => said.push('refresh') },
      {
        open: () => {
          streams.push(new FakeStream());
          return stream() as unknown as EventSource;
        },
        setTimer: (action, afterMs) => timers.push({ action, afterMs }),
        clearTimer: (timer) => void (timers[timer - 1] = { action: () => undefined, afterMs: 0 }),
      },
    );
    feed.start();
    stream().send('hello', { epoch: 3 });
  });

  test('the first hello opens without a refresh', () => {
    expect(said).toEqual(['connecting', 'open', 'epoch 3']);
  });
  test('many commits make one refresh', () => {
    for (let epoch = 4; epoch < 40; epoch += 1) stream().send('commit', { epoch, counted: 1, issues: [], alerts: [] });
    expect(timers.map((timer) => timer.afterMs)).toEqual([REFRESH_MS]);
    fire();
    expect(refreshes()).toBe(1);
  });
  test('lagging refreshes at once', () => {
    stream().send('lagged');
    expect(refreshes()).toBe(1);
  });
  test('a lost connection is tried again, ever more slowly, and ends with a refresh', () => {
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      stream().onerror?.();
      waits.push(timers.at(-1)!.afterMs);
      fire();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    stream().send('hello', { epoch: 9 });
    expect(said.slice(-3)).toEqual(['open', 'epoch 9', 'refresh']);
  });
  test('a pause closes the stream and ends with a refresh', () => {
    feed.stop();
    expect(stream().closed).toBe(true);
    feed.start();
    stream().send('hello', { epoch: 12 });
    expect([streams.length, refreshes()]).toEqual([2, 1]);
  });
  test('starting twice opens one stream', () => {
    feed.start();
    expect(streams).toHaveLength(1);
  });
});
