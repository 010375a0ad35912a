/** Requests: every failure becomes a problem a person can act on. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { decideAlert, decideIssue, decideIssues, fetchAudit, fetchIssues, fetchMeaning, fetchReady, fetchSearch, mergeIssues, pauseSource, Problem, problemFrom, removeSource, signIn, splitIssue, testSource, ungroup, withParameters } from '../src/api/client';
import { fetchIssueList, ISSUES_SHOWN_MAX, PAGE_ISSUES } from '../src/state/issueList';
import type { Issue, IssuesAnswer } from '../src/api/types';

const signal = new AbortController().signal;
const answer = (status: number, body: string) => vi.fn(async () => new Response(body, { status }));
afterEach(() => vi.unstubAllGlobals());

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe('requests', () => {
  test('empty parameters are left out and the rest is escaped', () => {
    expect(withParameters('/a', { q: 'x & y', service: '', cursor: null, limit: 5, to: undefined })).toBe('/a?q=x+%26+y&limit=5');
    expect(withParameters('/a', {})).toBe('/a');
  });
  test('a problem body keeps its title and detail', async () => {
    vi.stubGlobal('fetch', answer(400, JSON.stringify({ title: 'Range too long', detail: 'At most 90 days.' })));
    const problem = await problemOf(fetchAudit(signal));
    expect(problem).toMatchObject({ status: 400, title: 'Range too long', detail: 'At most 90 days.' });
  });
  test.each(['', '<html>gateway</html>', 'null', '{"title":7}'])('an error with the body %j still says something', async (body) => {
    const problem = await problemFrom(new Response(body, { status: 502 }));
    expect(problem.title).toBe('The request failed');
    expect(problem.detail).toContain('502');
  });
  test('a success that is not JSON is a problem', async () => {
    vi.stubGlobal('fetch', answer(200, '<html>'));
    expect((await problemOf(fetchAudit(signal))).title).toBe('The answer cannot be read');
  });
  test('a server that cannot be reached has status 0', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('failed'))));
    expect((await problemOf(fetchAudit(signal))).status).toBe(0);
  });
  test('a slow server is told apart from an unreachable one', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new DOMException('late', 'TimeoutError'))));
    expect((await problemOf(fetchAudit(signal))).title).toBe('The server is slow');
  });
  test('an aborted request is no problem', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new DOMException('gone', 'AbortError'))));
    await expect(fetchAudit(signal)).rejects.toThrow(DOMException);
  });
  test('not ready is an answer', async () => {
    vi.stubGlobal('fetch', answer(503, JSON.stringify({ ready: false, reasons: ['recovering'], epoch: 0, sources: [] })));
    expect((await fetchReady(signal)).reasons).toEqual(['recovering']);
  });
  test('a refused token is a problem with its status', async () => {
    vi.stubGlobal('fetch', answer(401, '{}'));
    expect((await problemOf(signIn('wrong'))).status).toBe(401);
  });
  test('identities and texts are escaped on their way', async () => {
    const fetch = answer(200, '{}');
    vi.stubGlobal('fetch', fetch);
    await fetchIssues({ from: 'a', to: 'b', q: 'a&state=new' }, signal);
    expect(String((fetch.mock.calls as unknown[][])[0]?.[0])).toContain('q=a%26state%3Dnew');
  });
});

describe('meaning', () => {
  test('a question and an identity are escaped on their way', async () => {
    const fetch = answer(200, '{}');
    vi.stubGlobal('fetch', fetch);
    await fetchSearch('why? & how', 50, signal);
    await fetchMeaning('a/b', { from: 'a', to: 'b' }, signal);
    const asked = (fetch.mock.calls as unknown[][]).map((call) => String(call[0]));
    expect(asked).toEqual(['/api/v1/search?q=why%3F+%26+how&limit=50', '/api/v1/issues/a%2Fb/meaning?from=a&to=b']);
  });
});

describe('sources', () => {
  test('an id is escaped, and only what has a body says what it is', async () => {
    const fetch = answer(200, '{}');
    vi.stubGlobal('fetch', fetch);
    await pauseSource('a/b', true);
    await removeSource('a/b');
    const [pause, remove] = (fetch.mock.calls as unknown as [string, RequestInit][]);
    expect(pause).toMatchObject(['/api/v1/sources/a%2Fb', { method: 'PATCH', body: '{"paused":true}', headers: { 'content-type': 'application/json' } }]);
    expect(remove).toMatchObject(['/api/v1/sources/a%2Fb', { method: 'DELETE', body: null }]);
    expect(remove?.[1].headers).not.toHaveProperty('content-type');
  });
  test('a refusal is a problem with what to do', async () => {
    vi.stubGlobal('fetch', answer(422, JSON.stringify({ title: 'Unprocessable Entity', detail: '`web` needs the option `include`.' })));
    expect(await problemOf(testSource({ id: 'web', type: 'file' }))).toMatchObject({ status: 422, detail: '`web` needs the option `include`.' });
  });
});

describe('decisions about issues', () => {
  const sent = async (act: () => Promise<unknown>) => {
    const fetch = answer(200, '{}');
    vi.stubGlobal('fetch', fetch);
    await act();
    const [path, request] = (fetch.mock.calls as unknown as [string, RequestInit][])[0]!;
    return [request.method, path, request.body];
  };
  test('what is decided goes to its address, and nobody has no name', async () => {
    expect(await sent(() => decideIssue('a/b', { what: 'ignore', for: '1d' }, { by: ' ann ', comment: ' x ' }))).toEqual(['POST', '/api/v1/issues/a%2Fb/ignore', '{"for":"1d","by":"ann","comment":"x"}']);
    expect(await sent(() => decideIssue('i_1', { what: 'resolve' }, { by: ' ', comment: '' }))).toEqual(['POST', '/api/v1/issues/i_1/resolve', '{}']);
    expect(await sent(() => decideIssues(['i_1', 'i_2'], { what: 'assign', to: null }, { by: '' }))).toEqual(['POST', '/api/v1/issues/decide', '{"issues":["i_1","i_2"],"what":"assign","to":null}']);
    expect(await sent(() => mergeIssues('i_1', ['i_2'], { by: 'ann' }))).toEqual(['POST', '/api/v1/issues/i_1/merge', '{"with":["i_2"],"by":"ann"}']);
    expect(await sent(() => splitIssue('i_1', ['f1_a'], { by: '' }))).toEqual(['POST', '/api/v1/issues/i_1/split', '{"fingerprints":["f1_a"]}']);
    expect(await sent(() => ungroup('g/1', { by: 'ann' }))).toEqual(['DELETE', '/api/v1/groupings/g%2F1', '{"by":"ann"}']);
    expect(await sent(() => decideAlert('a_1', 'snooze', { by: 'ann' }, '2h'))).toEqual(['POST', '/api/v1/alerts/a_1/snooze', '{"for":"2h","by":"ann"}']);
  });
});

describe('issue list', () => {
  const endless = (overlap: number) => {
    const asked: (string | null)[] = [];
    const fetchPage = async (query: { cursor?: string | null }): Promise<IssuesAnswer> => {
      asked.push(query.cursor ?? null);
      const start = Number(query.cursor ?? 0);
      const issues = Array.from({ length: PAGE_ISSUES }, (_, index) => ({ id: `i_${start + index}` }) as Issue);
      return { issues, matching: 9_999, next: String(start + PAGE_ISSUES - overlap), from: '', to: '', slice_seconds: 60 };
    };
    return { asked, fetchPage };
  };
  test('pages are followed until enough is there', async () => {
    const { asked, fetchPage } = endless(0);
    const list = await fetchIssueList({ from: '', to: '' }, PAGE_ISSUES * 2, signal, fetchPage);
    expect([list.issues.length, asked]).toEqual([PAGE_ISSUES * 2, [null, String(PAGE_ISSUES)]]);
  });
  test('an issue on two pages is listed once', async () => {
    const list = await fetchIssueList({ from: '', to: '' }, PAGE_ISSUES * 2, signal, endless(5).fetchPage);
    expect(new Set(list.issues.map((issue) => issue.id)).size).toBe(list.issues.length);
  });
  test('limit: the list ends, however many are asked for', async () => {
    const list = await fetchIssueList({ from: '', to: '' }, 1e9, signal, endless(0).fetchPage);
    expect(list.issues).toHaveLength(ISSUES_SHOWN_MAX);
  });
});
