/** What the mock API makes of the filter box: the same language as the server, refused in the server's words. */
import type { Issue } from '../src/api/types';
import { pieces } from '../src/filter.ts';
import type { Refusal } from './sources.ts';

const STATES = ['unresolved', 'open', 'regressed', 'ignored', 'resolved', 'new', 'spiking'];
const SEVERITIES = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'unknown'];

/** A question that cannot be answered. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.detail);
  }
}

const refuse = (why: string): Refused => new Refused({ status: 400, title: 'Bad Request', detail: `cannot use the parameter \`q\`: ${why}` });

/** Which issues are asked for: the lowest severity, and whether one fits. */
export function askedOf(query: URLSearchParams): { lowest: string; fits: (issue: Issue) => boolean } {
  const asked = { service: query.get('service'), tag: query.get('tag'), severity: query.get('severity') ?? 'warn', assignee: null as string | null };
  const [words, states] = [[] as string[], new Set<string>()];
  for (const { key, text, typed, open } of pieces(query.get('q') ?? '')) {
    if (open && typed.includes('"')) throw refuse('a phrase begins with a quotation mark and does not end');
    if (open) throw refuse(`\`${typed}\` has nothing behind it`);
    if (key === null) words.push(text.toLowerCase());
    else if (key === 'is' && !STATES.includes(text)) throw refuse(`\`is:${text}\` is not one of ${STATES.join(', ')}`);
    else if (key === 'is') states.add(text);
    else if (key === 'severity' && !SEVERITIES.includes(text)) throw refuse(`\`severity:${text}\` is no severity`);
    else asked[key] = text;
  }
  const decided = [...states].filter((state) => state !== 'new' && state !== 'spiking');
  const fits = (issue: Issue) =>
    words.every((word) => issue.template.toLowerCase().includes(word)) &&
    (!asked.service || issue.services.includes(asked.service)) &&
    (!asked.tag || issue.tags.some(({ tag }) => tag === asked.tag)) &&
    (!asked.assignee || issue.triage.assignee === asked.assignee) &&
    (!states.has('new') || issue.state === 'new') && (!states.has('spiking') || issue.spiking) &&
    (decided.length === 0 || decided.some((state) => state === issue.triage.state || (state === 'unresolved' && ['open', 'regressed'].includes(issue.triage.state))));
  return { lowest: asked.severity, fits };
}
