/**
 * What people decide about the issues of the mock API: like the server, decisions are kept by fingerprint, merges and splits are
 * said and can be taken back, and everything is written down. What is refused is refused in the words of the server.
 */
import type { Activity, Constraint, Grouping, Standing, TriageState } from '../src/api/types';
import { MINUTE_MS, noise, type Story } from './incident.ts';
import { HOSTILE_TEXT, type Refusal } from './sources.ts';

/** Some fingerprints of some stories that are one issue. */
export interface MockIssue {
  id: string;
  /** By the index of the story, which of its fingerprints. */
  parts: Map<number, number[]>;
}

/** The body of a request, as far as it is understood. */
export interface Ask {
  issues?: string[];
  with?: string[];
  fingerprints?: string[];
  what?: string;
  for?: string;
  until?: string;
  to?: string | null;
  by?: string;
  comment?: string;
}

interface Said {
  grouping: Grouping;
  /** What a pin makes an issue of its own. */
  units: string[];
}

const OPEN: Standing = { state: 'open', changed_at: null, by: null, until: null, assignee: null };
const RANK: TriageState[] = ['regressed', 'open', 'ignored', 'resolved'];
const SECONDS: Record<string, number> = { m: 60, h: 3_600, d: 86_400 };
const iso = (instantMs: number) => new Date(instantMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
const refuse = (status: number, detail: string): Refusal => ({ status, title: { 404: 'Not Found', 409: 'Conflict' }[status] ?? 'Unprocessable Entity', detail });

const unit = (index: number, number: number) => `${index}/${number}`;

export function fingerprintId(index: number, number: number): string {
  return `f1_${Math.floor(noise(index, number) * 2 ** 32).toString(16).padStart(8, '0')}${'9c41d7e05ab3'}${number}${index}`;
}

/** Which message a fingerprint says: services say the same ones. */
export const messageOf = (story: Story, number: number): number => Math.floor(number / story.services.length);

export class MockTriage {
  readonly #decided = new Map<string, Standing>();
  #said: Said[] = [];
  #activity: Activity[] = [];
  #serial = 0;

  constructor(private readonly stories: Story[], scenario: string, startMs: number) {
    if (stories.length > 0) this.#history(scenario, startMs);
  }

  /** What was decided before anybody looked. */
  #history(scenario: string, startMs: number): void {
    const at = (minutes: number) => startMs - minutes * MINUTE_MS;
    const id = (index: number) => this.stories[index]!.id;
    this.decide([id(0)], { what: 'assign', to: 'ann', by: 'ann' }, at(14));
    this.decide([id(0)], { what: 'comment', by: 'ann', comment: 'The pool of orders-primary is full. Looking at what holds the connections.' }, at(12));
    this.decide([id(7)], { what: 'resolve', by: 'bob', comment: 'renewed the certificate' }, at(2_000));
    this.#set([id(7)], { ...OPEN, state: 'regressed', changed_at: iso(at(1_600)) });
    this.#note(id(7), 'regressed', at(1_600), {});
    this.decide([id(10)], { what: 'ignore', by: 'bob', comment: 'Declined cards are no fault of ours.' }, at(4_000));
    this.decide([id(12)], { what: 'ignore', until: iso(startMs + 150 * MINUTE_MS) }, at(30));
    this.decide([id(13)], { what: 'resolve', by: 'ann', comment: 'fixed in v7' }, at(9));
    if (scenario !== 'hostile') return;
    const by = `<b>mallory</b>\u202e${'W'.repeat(80)}`;
    this.decide([id(1)], { what: 'assign', to: by, by }, at(8));
    this.decide([id(1)], { what: 'comment', by, comment: HOSTILE_TEXT.slice(0, 1_000) }, at(7));
    this.decide([id(2)], { what: 'resolve', by, comment: HOSTILE_TEXT.slice(0, 900) }, at(6));
  }

  /** The issues as they are grouped now. */
  issues(): MockIssue[] {
    const owner = new Map<string, string>();
    this.stories.forEach((story, index) => {
      for (let number = 0; number < story.fingerprints; number += 1) owner.set(unit(index, number), story.id);
    });
    for (const { grouping, units } of this.#said) {
      if (grouping.constraint.type === 'pin') for (const one of units) owner.set(one, grouping.constraint.issue);
    }
    const lead = this.#leads();
    const issues = new Map<string, MockIssue>();
    for (const [one, atom] of owner) {
      const id = lead(atom);
      const issue = issues.get(id) ?? { id, parts: new Map<number, number[]>() };
      const [index, number] = one.split('/').map(Number) as [number, number];
      issue.parts.set(index, [...(issue.parts.get(index) ?? []), number]);
      issues.set(id, issue);
    }
    return [...issues.values()];
  }

  /** From an id to the id of what it is part of. */
  #leads(): (id: string) => string {
    const parent = new Map<string, string>();
    const lead = (id: string): string => (parent.has(id) ? lead(parent.get(id)!) : id);
    for (const { grouping: { constraint } } of this.#said) {
      if (constraint.type === 'must_link' && lead(constraint.left) !== lead(constraint.right)) parent.set(lead(constraint.right), lead(constraint.left));
    }
    return lead;
  }

  find(id: string): MockIssue | null {
    const lead = this.#leads()(id);
    return this.issues().find((issue) => issue.id === lead) ?? null;
  }

  #units({ parts }: MockIssue): string[] {
    return [...parts].flatMap(([index, numbers]) => numbers.map((number) => unit(index, number)));
  }

  /** The most open of its fingerprints says how an issue stands. */
  standing(issue: MockIssue, nowMs: number): Standing {
    const all = this.#units(issue).map((one) => this.#decided.get(one) ?? OPEN);
    const awake = all.map((one) => (one.until !== null && Date.parse(one.until) <= nowMs ? { ...OPEN, assignee: one.assignee } : one));
    const first = [...awake].sort((left, right) => RANK.indexOf(left.state) - RANK.indexOf(right.state))[0] ?? OPEN;
    return { ...first, assignee: awake.find((one) => one.assignee !== null)?.assignee ?? null };
  }

  #set(ids: string[], standing: Standing): void {
    for (const issue of ids.map((id) => this.find(id)!)) {
      for (const one of this.#units(issue)) this.#decided.set(one, { ...standing, assignee: this.#decided.get(one)?.assignee ?? null });
    }
  }

  #note(issue: string, what: Activity['what'], nowMs: number, { by, comment, ...more }: Partial<Activity> & { by?: string | null }): void {
    this.#activity.unshift({ at: iso(nowMs), issue, what, by: by || null, comment: comment || null, ...more });
  }

  decide(ids: string[], { what, by = '', comment = '', ...how }: Ask, nowMs: number): Refusal | null {
    const found = ids.map((id) => this.find(id));
    const missing = ids[found.indexOf(null)];
    if (missing !== undefined) return refuse(404, `there is no issue \`${missing}\``);
    if (by.length > 100) return refuse(422, '`by` has more than 100 characters');
    const lasts = /^(\d+)([mhd])$/.exec(how.for ?? '');
    const until = how.until ?? (lasts ? iso(nowMs + Number(lasts[1]) * SECONDS[lasts[2]!]! * 1_000) : null);
    const stands = { ...OPEN, changed_at: iso(nowMs), by: by || null };
    const states: Record<string, [Activity['what'], Standing | null]> = {
      resolve: ['resolved', { ...stands, state: 'resolved' }], reopen: ['reopened', { ...stands, state: 'open' }],
      ignore: ['ignored', { ...stands, state: 'ignored', until }], assign: ['assigned', null], comment: ['commented', null],
    };
    const [done, standing] = states[what ?? ''] ?? ['commented', null];
    if (what === 'comment' && comment === '') return refuse(422, '`comment` must say something');
    for (const issue of new Map(found.map((one) => [one!.id, one!])).values()) {
      if (standing) this.#set([issue.id], standing);
      if (what === 'assign') for (const one of this.#units(issue)) this.#decided.set(one, { ...(this.#decided.get(one) ?? OPEN), assignee: how.to || null });
      const more = { ...(what === 'ignore' && until ? { until } : {}), ...(what === 'assign' && how.to ? { to: how.to } : {}) };
      this.#note(issue.id, done, nowMs, { by, comment, ...more });
    }
    return null;
  }

  #group(constraint: Constraint, units: string[], { by = '', comment = '' }: Ask, nowMs: number): Grouping {
    const id = `g_${Math.floor(noise(91, (this.#serial += 1)) * 0xffffffff).toString(16).padStart(16, '0')}`;
    const grouping = { id, constraint, at: iso(nowMs), by: by || null, comment: comment || null };
    this.#said = [...this.#said, { grouping, units }];
    const about = constraint.type === 'pin' ? [constraint.issue] : [constraint.left, constraint.right];
    for (const issue of about) this.#note(issue, 'grouped', nowMs, { by, comment, grouping: id, constraint });
    return grouping;
  }

  merge(id: string, ask: Ask, nowMs: number): Grouping[] | Refusal {
    const one = this.find(id);
    const others = (ask.with ?? []).map((other) => ({ other, found: this.find(other) }));
    const missing = one === null ? id : others.find(({ found }) => found === null)?.other;
    if (one === null || missing !== undefined) return refuse(/^i_[0-9a-f]+$/.test(missing ?? '') ? 404 : 422, `there is no issue \`${missing}\``);
    const classOf = (issue: MockIssue) => this.stories[[...issue.parts.keys()][0]!]!.class;
    for (const { found } of others) {
      if (found!.id === one.id) return refuse(409, `\`${found!.id}\` and \`${id}\` are one issue`);
      if (classOf(found!) !== classOf(one)) return refuse(409, `no issue spans severities: \`${found!.id}\` is of another one`);
    }
    return others.map(({ found }) => this.#group({ type: 'must_link', left: one.id, right: found!.id }, [], ask, nowMs));
  }

  split(id: string, ask: Ask, nowMs: number): Grouping[] | Refusal {
    const issue = this.find(id);
    if (issue === null) return refuse(404, `there is no issue \`${id}\``);
    const all = [...issue.parts].flatMap(([index, numbers]) => numbers.map((number) => ({ index, number, message: `${index}/${messageOf(this.stories[index]!, number)}` })));
    const chosen = new Set(all.filter(({ index, number }) => ask.fingerprints?.includes(fingerprintId(index, number))).map(({ message }) => message));
    const leaves = all.filter(({ message }) => chosen.has(message));
    if (leaves.length === 0) return refuse(404, `there is no such fingerprint in issue \`${id}\``);
    if (leaves.length === all.length) return refuse(409, 'nothing would be left: fingerprints of other services say the same, and go along');
    const units = leaves.map(({ index, number }) => unit(index, number));
    const own = `i_${Math.floor(noise(92, this.#serial) * 0xffffffff).toString(16).padStart(16, '5')}`;
    return [this.#group({ type: 'pin', issue: own }, units, ask, nowMs)];
  }

  groupings(): Grouping[] {
    return this.#said.map(({ grouping }) => grouping).reverse();
  }

  ungroup(id: string, { by = '', comment = '' }: Ask, nowMs: number): Refusal | null {
    const said = this.#said.find(({ grouping }) => grouping.id === id);
    if (said === undefined) return refuse(404, 'there is no grouping of that id');
    const { constraint } = said.grouping;
    const about = constraint.type === 'pin' ? [constraint.issue] : [constraint.left, constraint.right];
    // What was split off is part of what it came from again.
    const now = constraint.type === 'pin' ? this.stories[Number(said.units[0]!.split('/')[0])]!.id : null;
    this.#said = this.#said.filter((other) => other !== said);
    for (const issue of new Set(now === null ? about : [now])) this.#note(issue, 'ungrouped', nowMs, { by, comment, grouping: id });
    return null;
  }

  activity(id: string, limit: number, skip: number): { activity: Activity[]; more: boolean } {
    const lead = this.#leads();
    const about = this.#activity.filter((entry) => lead(entry.issue) === lead(id));
    return { activity: about.slice(skip, skip + limit), more: about.length > skip + limit };
  }
}
