/**
 * What people decide about issues, in words: how an issue stands, what happened to it, what was just done and how it is
 * taken back.
 *
 * Names and comments are foreign text: they are made plain here, so that no page can forget to.
 */
import type { Activity, Constraint, Grouping, Issue, Standing, TriageState } from './api/types';
import type { Problem, TriageDeed } from './api/client';
import { formatClock, plural, type Zone } from './format';
import { plainText } from './plain';

/** Longest comment that the server takes. */
export const COMMENT_CHARACTERS_MAX = 1_000;
const NAME_SHOWN_MAX = 60;

export const STATE_MEANINGS: Record<TriageState, string> = {
  open: 'Nobody has decided anything yet, or somebody opened it again.',
  resolved: 'It is over, as far as people know. If its events come again, it is regressed.',
  regressed: 'It was resolved, and its events came again.',
  ignored: 'Nobody wants to see it.',
};

/** How long an issue can be ignored; no time is for good. */
export const IGNORE_TIMES: { words: string; lasts: string | null }[] = [
  { words: '1 hour', lasts: '1h' },
  { words: '1 day', lasts: '1d' },
  { words: '1 week', lasts: '7d' },
  { words: 'For good', lasts: null },
];

/** The name of a person as it can be shown. */
export const personName = (name: string): string => plainText(name, NAME_SHOWN_MAX);

const person = (name: string | null): string => (name === null ? 'Somebody' : personName(name));

/** One or two words for a row. */
export function stateWords({ state, until }: Standing, nowMs: number, zone: Zone): string {
  return state === 'ignored' && until !== null ? `ignored until ${formatClock(Date.parse(until), nowMs, zone)}` : state;
}

/** Who brought an issue to where it stands; empty if nothing was ever decided. The time stands beside it. */
export function standingSentence({ state, by, changed_at, until }: Standing, nowMs: number, zone: Zone): string {
  if (changed_at === null) return '';
  const end = until === null ? 'for good' : `until ${formatClock(Date.parse(until), nowMs, zone)}`;
  if (state === 'regressed') return 'Nobody did that: events came again';
  if (state === 'ignored') return `${person(by)} ignores it ${end}`;
  if (state === 'resolved') return `${person(by)} resolved it`;
  return by === null ? 'It is open again' : `${person(by)} opened it again`;
}

/** A piece of a sentence; an issue is a link. */
export type Word = string | { issue: string };

function groupedWords(who: string, constraint: Constraint | undefined, about: string): Word[] {
  if (constraint?.type === 'must_link') {
    const { left, right } = constraint;
    return left === about || right === about
      ? [`${who} merged it with `, { issue: left === about ? right : left }]
      : [`${who} merged `, { issue: left }, ' with ', { issue: right }];
  }
  if (constraint?.type === 'pin') return [`${who} split off `, { issue: constraint.issue }, ' as an issue of its own'];
  if (constraint?.type === 'cannot_link') return [`${who} said that `, { issue: constraint.left }, ' and ', { issue: constraint.right }, ' are not one issue'];
  return [`${who} said something about its grouping`];
}

/** What happened, as a sentence about the issue `about`. */
export function activityWords(entry: Activity, about: string, nowMs: number, zone: Zone): Word[] {
  const who = person(entry.by);
  switch (entry.what) {
    case 'resolved':
      return [`${who} resolved it`];
    case 'reopened':
      return [`${who} opened it again`];
    case 'ignored':
      return [`${who} ignored it ${entry.until === undefined ? 'for good' : `until ${formatClock(Date.parse(entry.until), nowMs, zone)}`}`];
    case 'assigned':
      return [entry.to === undefined ? `${who} assigned it to nobody` : `${who} assigned it to ${personName(entry.to)}`];
    case 'commented':
      return [`${who} said`];
    case 'regressed':
      return ['Nobody: events came again, so it is regressed'];
    case 'woke':
      return ['Nobody: the time for which it was ignored is over'];
    case 'grouped':
      return groupedWords(who, entry.constraint, about);
    case 'ungrouped':
      return [`${who} took a merge or a split back`];
    default:
      return [`${who} did something that this page does not know: ${plainText(String(entry.what), NAME_SHOWN_MAX)}`];
  }
}

/** What tells two entries apart. What was said about two issues that are one now is told of each, and shown once. */
export const activityKey = (entry: Activity): string => JSON.stringify({ ...entry, issue: entry.grouping === undefined ? entry.issue : '' });

/** The entries, each once, with whether what they say about grouping still holds: the latest word about it decides. */
export function activityRows(entries: readonly Activity[]): { entry: Activity; key: string; holds: boolean }[] {
  const told = new Set<string>();
  const keys = new Set<string>();
  return entries.flatMap((entry) => {
    const key = activityKey(entry);
    if (keys.has(key)) return [];
    keys.add(key);
    const { grouping } = entry;
    const holds = entry.what === 'grouped' && grouping !== undefined && !told.has(grouping);
    if (grouping !== undefined) told.add(grouping);
    return [{ entry, key, holds }];
  });
}

const DONE: Record<TriageDeed['what'], string> = { resolve: 'resolved', reopen: 'open again', ignore: 'ignored', assign: 'assigned', comment: 'commented' };

/** What was done about some issues: "3 issues are resolved." */
export function doneSentence(deed: TriageDeed, count: number): string {
  const [what, are] = [plural(count, 'issue'), count === 1 ? 'is' : 'are'];
  if (deed.what === 'comment') return 'Your comment is there.';
  if (deed.what === 'assign') return `${what} ${are} assigned to ${deed.to === null ? 'nobody' : personName(deed.to)}.`;
  if (deed.what !== 'ignore') return `${what} ${are} ${DONE[deed.what]}.`;
  const time = IGNORE_TIMES.find(({ lasts }) => lasts === (deed.for ?? null));
  return `${what} ${are} ignored ${time === undefined || time.lasts === null ? 'for good' : `for ${time.words}`}.`;
}

/** Said when the engine has heard, and the store is behind or away. */
export const NOT_DURABLE = 'Heard; the store has not taken it yet.';

export interface UndoStep {
  issues: string[];
  deed: TriageDeed;
}

/** The deed that brings an issue back to how it stood; what was regressed is open then. */
function deedBack({ triage }: Pick<Issue, 'triage'>, undone: TriageDeed, nowMs: number): TriageDeed {
  if (undone.what === 'assign') return { what: 'assign', to: triage.assignee };
  if (triage.state === 'resolved') return { what: 'resolve' };
  if (triage.state !== 'ignored') return { what: 'reopen' };
  if (triage.until === null) return { what: 'ignore' };
  return Date.parse(triage.until) > nowMs ? { what: 'ignore', until: triage.until } : { what: 'reopen' };
}

/** How a decision is taken back: one step for all issues that stood alike. A comment stays said. */
export function undoSteps(before: readonly Pick<Issue, 'id' | 'triage'>[], undone: TriageDeed, nowMs: number): UndoStep[] {
  const steps = new Map<string, UndoStep>();
  if (undone.what === 'comment') return [];
  for (const issue of before) {
    const deed = deedBack(issue, undone, nowMs);
    const key = JSON.stringify(deed);
    const step = steps.get(key) ?? { issues: [], deed };
    step.issues.push(issue.id);
    steps.set(key, step);
  }
  return [...steps.values()];
}

/** What a merge or a split said, latest first, so that it is taken back in reverse. */
export const groupingIds = (groupings: readonly Grouping[]): string[] => [...new Set(groupings.map(({ id }) => id))].reverse();

const HTTP_NOT_FOUND = 404;
const HTTP_UNAVAILABLE = 503;

/** Why something was not done, in plain words. */
export function refusalSentence({ status, detail }: Pick<Problem, 'status' | 'detail'>): string {
  const plain = plainText(detail.trim());
  const sentence = `${plain.charAt(0).toUpperCase()}${plain.slice(1)}${/[.!?]$/.test(plain) ? '' : '.'}`;
  if (status === HTTP_UNAVAILABLE) return `Not now: ${sentence} Nothing was changed; try again in a moment.`;
  if (status === HTTP_NOT_FOUND) return `${sentence} It may have been merged, split or taken back meanwhile.`;
  return `${sentence} Nothing was changed.`;
}
