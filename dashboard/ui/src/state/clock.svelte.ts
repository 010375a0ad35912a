/** The time that relative texts ("3 min ago") are worded against: ticks slowly, so that pages stay calm. */

const TICK_MS = 10_000;

class Clock {
  now = $state(Date.now());

  start(): void {
    window.setInterval(() => {
      if (!document.hidden) this.now = Date.now();
    }, TICK_MS);
  }
}

export const clock = new Clock();
