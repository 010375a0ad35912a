/** Pages of activity become one list that ends. */
import { describe, expect, test } from 'vitest';
import type { Activity } from '../src/api/types';
import { ACTIVITY_SHOWN_MAX, fetchActivityList } from '../src/state/activityList';

const signal = new AbortController().signal;

describe('activity list', () => {
  const endless = () => {
    const asked: [number, number][] = [];
    const fetchPage = async (_: string, { limit, skip }: { limit: number; skip: number }) => {
      asked.push([skip, limit]);
      // One less than asked: the server tells once what it keeps twice.
      return { activity: Array.from({ length: limit - 1 }, (_, index) => ({ at: `${skip + index}` }) as Activity), more: true };
    };
    return { asked, fetchPage };
  };
  test('pages follow each other without a gap', async () => {
    const { asked, fetchPage } = endless();
    await fetchActivityList('i_1', 250, signal, fetchPage);
    expect(asked).toEqual([[0, 200], [200, 50]]);
  });
  test('limit: the list ends, however many are asked for', async () => {
    const { asked, fetchPage } = endless();
    await fetchActivityList('i_1', 1e9, signal, fetchPage);
    expect(asked.at(-1)).toEqual([400, ACTIVITY_SHOWN_MAX - 400]);
  });
  test('it ends where the server says so', async () => {
    const list = await fetchActivityList('i_1', 100, signal, async () => ({ activity: [], more: false }));
    expect(list).toEqual({ activity: [], more: false });
  });
});
