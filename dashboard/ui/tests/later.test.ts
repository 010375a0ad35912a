/** Pages that are loaded when they are opened. */
import { describe, expect, test, vi } from 'vitest';
import { once } from '../src/later';

describe('pages that come later', () => {
  test('a page is loaded once and is there at once from then on', async () => {
    const load = vi.fn(async () => 'page');
    const page = once(load);
    expect(await page()).toBe('page');
    expect([page(), load.mock.calls.length]).toEqual(['page', 1]);
  });
  test('a page that could not be loaded is asked for again', async () => {
    const load = vi.fn(async () => 'page');
    load.mockRejectedValueOnce(new TypeError('away'));
    const page = once(load);
    await expect(Promise.resolve(page())).rejects.toThrow('away');
    expect(await page()).toBe('page');
  });
});
