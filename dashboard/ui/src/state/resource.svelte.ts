/**
 * One question to the server and its latest answer. Asks again when the question changes and after every live refresh;
 * what is on screen stays until the new answer is there, so nothing jumps.
 *
 * Promises: a slow server is never asked twice at once by the same resource; a failed request is retried.
 * Limits: answers are remembered for `REMEMBERED_MAX` questions, so that going back shows a page at once.
 */
import { untrack } from 'svelte';
import { Problem } from '../api/client';
import { live } from './live.svelte';
import { session } from './session.svelte';

const REMEMBERED_MAX = 24;
const RETRY_MS = 5_000;
const HTTP_UNAUTHORIZED = 401;

const remembered = new Map<string, unknown>();

function remember(key: string, answer: unknown): void {
  remembered.delete(key);
  remembered.set(key, answer);
  const oldest = remembered.keys().next().value;
  if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
}

export interface Question<T> {
  /** The same text means the same question; "now" may move without being part of it. */
  key: string;
  load(signal: AbortSignal): Promise<T>;
  /** An answer younger than this is kept when the page refreshes: for questions that cost the server much. */
  restMs?: number;
}

export class Resource<T> {
  data = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  /** True while `data` still answers an earlier question. */
  stale = $state(false);
  #question: Question<T> | null = null;
  #running: AbortController | null = null;
  #answeredMs = 0;
  #again = false;
  #retryTimer = 0;

  ask(question: Question<T>): void {
    if (question.key !== this.#question?.key) {
      this.#running?.abort();
      this.#running = null;
      const known = remembered.get(question.key) as T | undefined;
      if (known !== undefined) this.data = known;
      this.#answeredMs = 0;
      this.stale = known === undefined && this.data !== null;
      this.problem = null;
    }
    const rests = question.key === this.#question?.key && this.problem === null && Date.now() - this.#answeredMs < (question.restMs ?? 0);
    this.#question = question;
    if (rests) return;
    if (this.#running === null) void this.#run(question);
    else this.#again = true;
  }

  stop(): void {
    window.clearTimeout(this.#retryTimer);
    this.#running?.abort();
    this.#running = null;
    this.#question = null;
  }

  async #run(question: Question<T>): Promise<void> {
    window.clearTimeout(this.#retryTimer);
    const controller = new AbortController();
    this.#running = controller;
    this.#again = false;
    try {
      const answer = await question.load(controller.signal);
      if (this.#running !== controller) return;
      this.data = answer;
      this.problem = null;
      this.stale = false;
      this.#answeredMs = Date.now();
      remember(question.key, answer);
    } catch (error) {
      if (this.#running !== controller) return;
      this.#failed(error);
    }
    this.#running = null;
    if (this.#again && this.#question !== null) void this.#run(this.#question);
  }

  #failed(error: unknown): void {
    this.problem = error instanceof Problem ? error : new Problem(0, 'The page has a fault', String(error));
    if (this.problem.status === HTTP_UNAUTHORIZED) session.locked = true;
    const worthRetrying = this.problem.status === 0 || this.problem.status >= 500;
    if (worthRetrying) this.#retryTimer = window.setTimeout(() => live.refresh(), RETRY_MS);
  }
}

/** Makes a resource for the component that calls it; `ask` may read any reactive state. */
export function resource<T>(ask: () => Question<T>): Resource<T> {
  const answer = new Resource<T>();
  $effect(() => {
    const question = ask();
    void live.generation;
    untrack(() => answer.ask(question));
  });
  $effect(() => () => answer.stop());
  return answer;
}
