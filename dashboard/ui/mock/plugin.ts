/**
 * A Vite plugin that answers the API itself, so that the UI can be developed and tested without the binary.
 *
 * `SEISMOLOG_MOCK` picks the scenario (see answers.ts); `locked` opens with the token `open`. The built UI under
 * `vite preview --mode mock` also gets the server's content security policy.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connect, Plugin } from 'vite';
import type { NewSource } from '../src/api/types';
import { MockAnswers, type Scenario, SCENARIOS } from './answers.ts';
import { Refused } from './question.ts';
import type { Refusal } from './sources.ts';
import type { Ask } from './triage.ts';

const COMMIT_EVERY_MS = 500;
const TOKEN = 'open';
const POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status;
  response.setHeader('content-type', status < 400 ? 'application/json' : 'application/problem+json');
  response.end(JSON.stringify(body));
}

function sendProblem(response: ServerResponse, status: number, title: string, detail: string): void {
  sendJson(response, status, { type: 'about:blank', title, status, detail });
}

function stream(request: IncomingMessage, response: ServerResponse, answers: MockAnswers): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(`event: hello\ndata: ${JSON.stringify({ epoch: answers.epoch() })}\n\n`);
  const timer = setInterval(() => {
    const commit = answers.commit();
    response.write(`event: commit\nid: ${commit.epoch}\ndata: ${JSON.stringify(commit)}\n\n`);
  }, COMMIT_EVERY_MS);
  request.on('close', () => clearInterval(timer));
}

function answerAlert(key: string, decision: string | undefined, response: ServerResponse, answers: MockAnswers): void {
  const now = Date.now();
  const decided = decision === undefined ? true : answers.decide(key, decision, now);
  const answer = answers.alert(key, now);
  if (answer === null) sendProblem(response, 404, 'Not Found', `there is no alert "${key}"; the keys are in /api/v1/alerts`);
  else if (decided === false) sendProblem(response, 409, 'Conflict', 'the alert has ended already');
  else sendJson(response, 200, decision === undefined ? answer : { alert: answer.alert, durable: true });
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text || '{}') as Record<string, unknown>;
}

async function answerSources(request: IncomingMessage, id: string | undefined, response: ServerResponse, { sources }: MockAnswers): Promise<void> {
  const sendOrRefuse = (answer: object | null, wrap: (answer: object | null) => unknown, status = 200) =>
    answer !== null && 'status' in answer
      ? sendProblem(response, (answer as Refusal).status, (answer as Refusal).title, (answer as Refusal).detail)
      : sendJson(response, status, wrap(answer));
  const changed = (source: object | null) => ({ source, durable: true });
  const body = await bodyOf(request);
  if (request.method === 'PATCH' && id !== undefined) return sendOrRefuse(sources.pause(id, body.paused === true), changed);
  if (request.method === 'DELETE' && id !== undefined) return sendOrRefuse(sources.remove(id), changed);
  if (request.method === 'POST' && id === 'test') return sendOrRefuse(sources.test(body as NewSource), (answer) => answer);
  if (request.method === 'POST') return sendOrRefuse(sources.add(body as NewSource), changed, 201);
  sendJson(response, 200, { sources: sources.list() });
}

const isRefusal = (answer: unknown): answer is Refusal => typeof answer === 'object' && answer !== null && 'detail' in answer;

/** What is decided about issues; false if the address is about something else. */
async function answerTriage(request: IncomingMessage, url: URL, response: ServerResponse, answers: MockAnswers): Promise<boolean> {
  const now = Date.now();
  const { triage } = answers;
  const send = (answer: unknown, wrap: () => unknown) =>
    isRefusal(answer) ? sendProblem(response, answer.status, answer.title, answer.detail) : sendJson(response, 200, wrap());
  const [, encoded, part] = /^\/api\/v1\/issues\/([^/]+)\/(resolve|reopen|ignore|assign|comment|merge|split|activity)$/.exec(url.pathname) ?? [];
  const id = decodeURIComponent(encoded ?? '');
  const [, grouping] = /^\/api\/v1\/groupings(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
  if (request.method === 'GET') {
    if (url.pathname === '/api/v1/groupings') sendJson(response, 200, { groupings: triage.groupings() });
    else if (part === 'activity') sendJson(response, 200, triage.activity(id, Number(url.searchParams.get('limit') ?? 50), Number(url.searchParams.get('skip') ?? 0)));
    else return false;
    return true;
  }
  const ask = (await bodyOf(request)) as Ask;
  if (request.method === 'DELETE' && grouping !== undefined) send(triage.ungroup(grouping, ask, now), () => ({ durable: true }));
  else if (url.pathname === '/api/v1/issues/decide') send(triage.decide(ask.issues ?? [], ask, now), () => ({ issues: ask.issues?.length, durable: true }));
  else if (part === 'merge' || part === 'split') {
    const said = triage[part](id, ask, now);
    send(said, () => ({ groupings: said, durable: true }));
  } else if (part !== undefined) {
    send(triage.decide([id], { ...ask, what: part }, now), () => ({ issue: answers.issue(id, new URLSearchParams(), now)?.issue ?? null, durable: true }));
  } else return false;
  return true;
}

function answerApi(url: URL, response: ServerResponse, answers: MockAnswers): void {
  const now = Date.now();
  const query = url.searchParams;
  const [, key, , decision] = /^\/api\/v1\/alerts\/([^/]+?)(\/(acknowledge|snooze|resolve))?$/.exec(url.pathname) ?? [];
  if (key !== undefined) return answerAlert(decodeURIComponent(key), decision, response, answers);
  const [, id, part] = /^\/api\/v1\/issues\/([^/]+?)(\/timeline|\/values|\/meaning)?$/.exec(url.pathname) ?? [];
  if (id !== undefined) {
    const answer = answers.issue(decodeURIComponent(id), query, now);
    if (answer === null) return sendProblem(response, 404, 'Issue not found', `No issue has the id "${id}".`);
    if (part === '/values') return sendJson(response, 200, answers.values(answer.issue.id));
    if (part === '/meaning') return sendJson(response, 200, answers.meaning(answer.issue.id, query, now));
    return sendJson(response, 200, part === '/timeline' ? answers.timeline(answer.issue.id, query, now) : answer);
  }
  if (url.pathname === '/api/v1/search' && !query.get('q')?.trim()) {
    return sendProblem(response, 400, 'Bad Request', 'cannot use the parameter `q`: it is missing; write what you look for.');
  }
  const known: Record<string, () => unknown> = {
    '/api/v1/issues': () => answers.issues(query, now),
    '/api/v1/search': () => answers.search(query, now),
    '/api/v1/timeline': () => answers.timeline(null, query, now),
    '/api/v1/alerts': () => answers.alerts(now),
    '/api/v1/graph': () => answers.graph(),
    '/api/v1/audit': () => answers.audit(now),
    '/api/v1/rejected': () => answers.rejected(now),
    '/readyz': () => answers.ready(),
    '/version': () => ({ name: 'seismolog', version: '0.1.0-mock' }),
  };
  const found = known[url.pathname];
  if (!found) return sendProblem(response, 404, 'Not found', `The mock API has no ${url.pathname}.`);
  try {
    sendJson(response, 200, found());
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    sendProblem(response, error.refusal.status, error.refusal.title, error.refusal.detail);
  }
}

function middleware(scenario: Scenario): Connect.NextHandleFunction {
  const answers = new MockAnswers(Date.now(), scenario);
  return (request, response, next) => {
    const url = new URL(request.url ?? '/', 'http://mock.invalid');
    if (url.pathname === '/login') {
      if (url.searchParams.get('token') !== TOKEN) return sendProblem(response, 401, 'Token refused', 'This token is not known here.');
      response.writeHead(303, { location: '/', 'set-cookie': `seismolog_token=${TOKEN}; HttpOnly; SameSite=Strict; Path=/` });
      return response.end();
    }
    if (!url.pathname.startsWith('/api/') && !['/readyz', '/version'].includes(url.pathname)) return next();
    const locked = scenario === 'locked' && !request.headers.cookie?.includes(`seismolog_token=${TOKEN}`);
    if (locked && url.pathname.startsWith('/api/')) return sendProblem(response, 401, 'Token needed', 'Send a bearer token or sign in.');
    if (scenario === 'broken' && url.pathname.startsWith('/api/')) {
      return sendProblem(response, 503, 'The store is busy', 'The store did not answer within 5 s. Hint: choose a shorter range.');
    }
    if (url.pathname === '/api/v1/live') return stream(request, response, answers);
    const [list, source] = /^\/api\/v1\/sources(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (list !== undefined) return void answerSources(request, source && decodeURIComponent(source), response, answers);
    const about = /^\/api\/v1\/(groupings|issues\/.+\/.+|issues\/decide)/.test(url.pathname);
    if (!about) return answerApi(url, response, answers);
    void answerTriage(request, url, response, answers).then((answered) => answered || answerApi(url, response, answers));
  };
}

export function mockApi(): Plugin {
  const wanted = process.env.SEISMOLOG_MOCK ?? 'incident';
  const scenario = SCENARIOS.find((name) => name === wanted);
  if (scenario === undefined) throw new Error(`SEISMOLOG_MOCK must be one of ${SCENARIOS.join(', ')}, not "${wanted}"`);
  return {
    name: 'seismolog-mock-api',
    configureServer: (server) => void server.middlewares.use(middleware(scenario)),
    configurePreviewServer(server) {
      server.middlewares.use((_, response, next) => {
        response.setHeader('content-security-policy', POLICY);
        next();
      });
      server.middlewares.use(middleware(scenario));
    },
  };
}
