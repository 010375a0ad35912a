/** Pages whose code is fetched when they are opened first, and kept from then on. */
import type { Component } from 'svelte';

export interface LoadedPage<Given extends Record<string, unknown>> {
  default: Component<Given>;
}

/** Loads once: from the second time on the page is there at once, so that going back finds its place. */
export function once<T>(load: () => Promise<T>): () => T | Promise<T> {
  let loaded: T | null = null;
  return () =>
    loaded ??
    load().then((page) => {
      loaded = page;
      return page;
    });
}

export const LATER = {
  issues: once(() => import('./pages/Issues.svelte')),
  issue: once(() => import('./pages/Issue.svelte')),
  search: once(() => import('./pages/Search.svelte')),
  alerts: once(() => import('./pages/Alerts.svelte')),
  alert: once(() => import('./pages/Alert.svelte')),
  pipeline: once(() => import('./pages/Pipeline.svelte')),
  sources: once(() => import('./pages/Sources.svelte')),
};
