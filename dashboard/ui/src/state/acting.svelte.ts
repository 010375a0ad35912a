/**
 * Something that somebody does: it is asked for, waited for, told, and perhaps taken back. Whoever shows a button that changes
 * something has one of these beside it (components/Outcome.svelte).
 *
 * Promises: one thing at a time; a refusal is kept until the next try; what was taken back halfway goes on where it stopped.
 */
import { decideIssue, decideIssues, mergeIssues, Problem, type Said, splitIssue, type TriageDeed, ungroup } from '../api/client';
import type { Grouped, Issue } from '../api/types';
import { plural } from '../format';
import { doneSentence, groupingIds, NOT_DURABLE, refusalSentence, undoSteps } from '../triage';
import { live } from './live.svelte';
import { preferences } from './preferences.svelte';
import { session } from './session.svelte';

interface Answer {
  durable: boolean;
}
type Step = () => Promise<Answer>;

const HTTP_UNAUTHORIZED = 401;

/** Who speaks, and what they say. */
export function said(comment = ''): Said {
  return { by: preferences.name, comment };
}

export class Acting {
  waiting = $state(false);
  said = $state('');
  refused = $state('');
  /** What is left to do to take back what was done; nothing if it cannot be. */
  back = $state.raw<Step[]>([]);

  /** Does it; returns whether it was done. `back` takes it back again. */
  async run<T extends Answer>(act: () => Promise<T>, words: (answer: T) => string, back: (answer: T) => Step[] = () => []): Promise<boolean> {
    if (this.waiting) return false;
    [this.waiting, this.said, this.refused] = [true, '', ''];
    try {
      const answer = await act();
      this.said = [words(answer), answer.durable ? '' : NOT_DURABLE].filter(Boolean).join(' ');
      this.back = back(answer);
    } catch (error) {
      this.refuse(error);
    }
    this.waiting = false;
    live.refresh();
    return this.refused === '';
  }

  /** Says why something cannot be done, without asking. */
  obstacle(sentence: string): void {
    [this.said, this.refused] = ['', sentence];
  }

  refuse(error: unknown): void {
    const problem = error instanceof Problem ? error : new Problem(0, 'The page has a fault', String(error));
    if (problem.status === HTTP_UNAUTHORIZED) session.locked = true;
    this.refused = refusalSentence(problem);
  }

  clear(): void {
    [this.said, this.refused, this.back] = ['', '', []];
  }

  async takeBack(): Promise<void> {
    if (this.waiting || this.back.length === 0) return;
    [this.waiting, this.said, this.refused] = [true, '', ''];
    let durable = true;
    try {
      for (let step = this.back[0]; step !== undefined; step = this.back[0]) {
        durable = (await step()).durable && durable;
        this.back = this.back.slice(1);
      }
      this.said = ['Taken back.', durable ? '' : NOT_DURABLE].filter(Boolean).join(' ');
    } catch (error) {
      this.refuse(error);
    }
    this.waiting = false;
    live.refresh();
  }
}

/** Decides about issues as they stand on screen; taking it back brings each to how it stood. */
export function decide(acting: Acting, issues: Issue[], deed: TriageDeed, comment = ''): Promise<boolean> {
  const ids = issues.map(({ id }) => id);
  const [only] = ids;
  const ask = () => (deed.what === 'comment' || ids.length === 1 ? decideIssue(only ?? '', deed, said(comment)) : decideIssues(ids, deed, said(comment)));
  const back = () =>
    undoSteps(issues, deed, Date.now()).map((step) => () => {
      const { issues: about, deed: undone } = step;
      return undone.what === 'comment' ? Promise.resolve({ durable: true }) : decideIssues(about, undone, said());
    });
  return acting.run<Answer>(ask, () => doneSentence(deed, ids.length), back);
}

const ungroupAll = ({ groupings }: Grouped): Step[] => groupingIds(groupings).map((id) => () => ungroup(id, said()));

export function merge(acting: Acting, id: string, others: string[]): Promise<boolean> {
  return acting.run(() => mergeIssues(id, others, said()), () => `${plural(others.length + 1, 'issue')} are one now.`, ungroupAll);
}

export function split(acting: Acting, id: string, fingerprints: string[]): Promise<boolean> {
  const [are, their] = fingerprints.length === 1 ? ['is', 'its'] : ['are', 'their'];
  const words = () => `${plural(fingerprints.length, 'fingerprint')} ${are} split off, as an issue of ${their} own.`;
  return acting.run(() => splitIssue(id, fingerprints, said()), words, ungroupAll);
}
