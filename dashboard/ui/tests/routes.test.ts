/** Addresses: what is read back is what was written, and what is not understood falls back. */
import { describe, expect, test } from 'vitest';
import { addressOf, DEFAULT_VIEW, FILTER_CHARACTERS_MAX, formatAddress, parseAddress, QUESTION_CHARACTERS_MAX, rangeOf } from '../src/routes';

const parse = (address: string) => {
  const url = new URL(address, 'http://here.invalid');
  return parseAddress(url.pathname, url.search);
};

describe('addresses', () => {
  test.each([
    '/', '/issues', '/issues/i_0abc', '/alerts', '/pipeline', '/pipeline?node=app-logs', '/sources', '/sources?node=web', '/sources?range=1h&node=web&add=postgres', '/?range=7d', '/?hide=warn,rest',
    '/issues?range=1h&live=off&tab=spiking&severity=error&order=count&q=pool+exhausted&service=checkout',
    '/issues?tag=resource+exhaustion', '/issues?tab=all', '/issues?tab=ignored', '/issues?q=assignee:%22ann+b%22+is:new', '/search', '/search?q=why+can+nobody+log+in',
    '/issues/i_0abc?from=2026-11-21T14:05:00Z&to=2026-11-21T15:00:00Z', '/issues/a%2Fb', '/alerts/a_0abc', '/alerts/a%2Fb?range=1h',
  ])('%s survives reading and writing', (address) => expect(formatAddress(parse(address))).toBe(address));
  test('defaults are left out and trailing slashes do not matter', () => {
    expect(formatAddress(parse('/issues/?range=24h&live=on&tab=unresolved&order=relevance'))).toBe('/issues');
  });
  test('what is not understood falls back to the default', () => {
    expect(parse('/issues?range=2w&tab=old&severity=loud&order=random&hide=everything&add=stdin').view).toEqual(DEFAULT_VIEW);
    expect(parse('/nothing/here').page).toBe('missing');
    expect(parse('/issues/%E0%A4%A').page).toBe('missing');
    expect(parse('/alerts/%E0%A4%A').page).toBe('missing');
    expect(parse('/alerts/a_1/more').page).toBe('missing');
  });
  test('a range that ends before it begins is no range', () => {
    expect(parse('/?from=2026-11-21T15:00:00Z&to=2026-11-21T14:00:00Z').view.custom).toBeNull();
    expect(parse('/?from=yesterday&to=today').view.custom).toBeNull();
    expect(parse('/?from=2026-11-21T15:00:00Z').view.custom).toBeNull();
  });
  test('limit: a filter text is cut', () => {
    expect(parse(`/issues?q=${'x'.repeat(5_000)}`).view.q).toHaveLength(FILTER_CHARACTERS_MAX);
    expect(parse(`/issues?tag=${'x'.repeat(5_000)}`).view.tag).toHaveLength(FILTER_CHARACTERS_MAX);
  });
  test('limit: a question is cut so that the server takes it, whatever its letters', () => {
    const { q } = parse(`/search?q=${encodeURIComponent('語'.repeat(5_000))}`).view;
    expect(q).toHaveLength(QUESTION_CHARACTERS_MAX);
    expect(new TextEncoder().encode(q).length).toBeLessThanOrEqual(1_000);
  });
  test('another page keeps the time and drops the filters', () => {
    const here = parse('/issues?range=6h&live=off&q=pool&tab=new&tag=disk').view;
    expect(formatAddress(addressOf('alerts', here))).toBe('/alerts?range=6h&live=off');
    expect(formatAddress(addressOf('issue', here, {}, 'i_1'))).toBe('/issues/i_1?range=6h&live=off');
    expect(formatAddress(addressOf('alert', here, {}, 'a_1'))).toBe('/alerts/a_1?range=6h&live=off');
    expect(parse('/alerts/a_1')).toMatchObject({ page: 'alert', id: 'a_1' });
  });
});

describe('ranges', () => {
  const now = Date.parse('2026-11-21T14:33:21Z');
  test('a preset ends with the column of now and has its full length', () => {
    const range = rangeOf({ ...DEFAULT_VIEW, range: '1h' }, now);
    expect(new Date(range.to).toISOString()).toBe('2026-11-21T14:34:00.000Z');
    expect(range.to - range.from).toBe(3_600_000);
    expect(new Date(rangeOf({ ...DEFAULT_VIEW, range: '24h' }, now).to).toISOString()).toBe('2026-11-21T14:45:00.000Z');
  });
  test('a custom range wins and does not move', () => {
    expect(rangeOf({ ...DEFAULT_VIEW, custom: { from: 1, to: 2 } }, now)).toEqual({ from: 1, to: 2 });
  });
});
