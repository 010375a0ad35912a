/**
 * What is chosen in a list: issues to decide about, fingerprints to split off. Pure; a selection is a set of ids.
 *
 * Promise: what is not listed any more is not chosen either, so nobody decides about what they do not see.
 * Limits: as many as the server takes at once.
 */
import type { Issue, Member } from './api/types';

/** The server decides about no more issues at once. */
export const ISSUES_CHOSEN_MAX = 200;

export type Chosen = ReadonlySet<string>;

export const NOTHING: Chosen = new Set();

/** Chooses what is not chosen, and the other way round. One more than the limit is not taken. */
export function toggled(chosen: Chosen, id: string, most = ISSUES_CHOSEN_MAX): Chosen {
  const next = new Set(chosen);
  if (!next.delete(id) && next.size < most) next.add(id);
  return next;
}

/** Chooses all, as far as the limit goes, or nothing if all are chosen. */
export function allOrNone(chosen: Chosen, ids: readonly string[], most = ISSUES_CHOSEN_MAX): Chosen {
  const some = ids.slice(0, most);
  return some.every((id) => chosen.has(id)) ? NOTHING : new Set(some);
}

/** What of a selection is still listed; the same set if all of it is. */
export function listed(chosen: Chosen, ids: readonly string[]): Chosen {
  const there = new Set(ids);
  const left = [...chosen].filter((id) => there.has(id));
  return left.length === chosen.size ? chosen : new Set(left);
}

/** Why issues cannot be made one; null if they can. */
export function mergeObstacle(issues: readonly Pick<Issue, 'class'>[]): string | null {
  if (issues.length < 2) return 'Select two issues or more, with x or the boxes, and they can be made one.';
  const several = issues.some((issue) => issue.class !== issues[0]?.class);
  return several ? 'Errors, warnings and the rest are counted apart: issues that become one are all of the same of these.' : null;
}

/** The fingerprints that are split off with some: messages are told apart by their template, whatever the service. */
export function splitOff(chosen: Chosen, members: readonly Pick<Member, 'fingerprint' | 'template_id'>[]): Chosen {
  const templates = new Set(members.filter((member) => chosen.has(member.fingerprint)).map((member) => member.template_id));
  return new Set(members.filter((member) => templates.has(member.template_id)).map((member) => member.fingerprint));
}

/** Why fingerprints cannot be split off; null if they can. `all` is how many the issue has: not all of them may be listed. */
export function splitObstacle(chosen: Chosen, members: readonly Pick<Member, 'fingerprint' | 'template_id'>[], all: number): string | null {
  if (chosen.size === 0) return 'Choose the fingerprints that are to become an issue of their own.';
  const leaves = splitOff(chosen, members).size;
  if (leaves < all) return null;
  return leaves === chosen.size
    ? 'That is all of it: leave out at least one message, which stays.'
    : 'Nothing would be left: the same messages of other services go along.';
}
