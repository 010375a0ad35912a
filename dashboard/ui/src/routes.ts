/**
 * Every address of the UI, read and written in one place. The URL is the state: what can be shared is in it, and
 * `formatAddress(parseAddress(x))` is the shortest spelling of x.
 *
 * Not here: the reader's own preferences (time zone, theme), which are remembered by state/preferences.svelte.ts.
 */
import type { SeverityClass } from './api/types';
import { chooseSlice } from './charts/bins';

export type PageName = 'overview' | 'issues' | 'issue' | 'search' | 'alerts' | 'alert' | 'pipeline' | 'sources' | 'missing';

export const RANGE_SECONDS = { '1h': 3_600, '6h': 21_600, '24h': 86_400, '7d': 604_800 } as const;
export type RangeName = keyof typeof RANGE_SECONDS;
export const RANGE_NAMES = Object.keys(RANGE_SECONDS) as RangeName[];

export const TABS = ['unresolved', 'new', 'spiking', 'regressed', 'ignored', 'resolved', 'all'] as const;
export type Tab = (typeof TABS)[number];

export const SEVERITY_FILTERS = ['unknown', 'info', 'warn', 'error', 'fatal'] as const;
export type SeverityFilter = (typeof SEVERITY_FILTERS)[number];

export const ORDERS = ['relevance', 'count', 'last_seen', 'first_seen'] as const;
export type Order = (typeof ORDERS)[number];

/** The types of sources that can be added while the engine runs. */
export const ADDED_TYPES = ['file', 'http', 'otlp', 'journald', 'elasticsearch', 'postgres'] as const;
export type AddedType = (typeof ADDED_TYPES)[number];

export const CLASSES: readonly SeverityClass[] = ['error', 'warn', 'rest'];

/** Everything that the query part of an address can say. */
export interface View {
  range: RangeName;
  /** A brushed or typed range in milliseconds; wins over `range`, which is where a reset returns to. */
  custom: { from: number; to: number } | null;
  live: boolean;
  tab: Tab;
  severity: SeverityFilter;
  order: Order;
  q: string;
  service: string;
  tag: string;
  hidden: SeverityClass[];
  /** The component, or the source, that is open. */
  node: string;
  /** The type of the source that is about to be added; empty while the form is closed. */
  add: AddedType | '';
}

export interface Address {
  page: PageName;
  /** The id of the issue, or the key of the alert, that the page is about; else empty. */
  id: string;
  view: View;
}

export const DEFAULT_VIEW: View = {
  range: '24h',
  custom: null,
  live: true,
  tab: 'unresolved',
  severity: 'warn',
  order: 'relevance',
  q: '',
  service: '',
  tag: '',
  hidden: [],
  node: '',
  add: '',
};

/** A filter longer than this is cut: the address bar is not a place for a log file. */
export const FILTER_CHARACTERS_MAX = 200;
/** A question may be a sentence or a log line; the server takes 1,000 bytes. */
export const QUESTION_CHARACTERS_MAX = 300;

/** Pages about one thing stand below the list of those things. */
const LISTS = { issue: '/issues', alert: '/alerts' } as const;

const PATHS: Record<Exclude<PageName, keyof typeof LISTS | 'missing'>, string> = {
  overview: '/',
  issues: '/issues',
  search: '/search',
  alerts: '/alerts',
  pipeline: '/pipeline',
  sources: '/sources',
};

function oneOf<T extends string>(allowed: readonly T[], value: string | null, fallback: T): T {
  return allowed.find((candidate) => candidate === value) ?? fallback;
}

function parseCustom(from: string | null, to: string | null): View['custom'] {
  const custom = { from: Date.parse(from ?? ''), to: Date.parse(to ?? '') };
  return custom.from < custom.to ? custom : null;
}

function parsePath(pathname: string): { page: PageName; id: string } {
  const path = pathname.replace(/\/+$/, '') || '/';
  for (const [page, known] of Object.entries(PATHS)) {
    if (path === known) return { page: page as PageName, id: '' };
  }
  const [, list, id] = /^(\/issues|\/alerts)\/([^/]+)$/.exec(path) ?? [];
  if (id === undefined) return { page: 'missing', id: '' };
  try {
    return { page: list === LISTS.alert ? 'alert' : 'issue', id: decodeURIComponent(id) };
  } catch {
    return { page: 'missing', id: '' };
  }
}

/** Reads an address; what it does not understand falls back to the default. */
export function parseAddress(pathname: string, search: string): Address {
  const query = new URLSearchParams(search);
  const hidden = (query.get('hide') ?? '').split(',');
  const path = parsePath(pathname);
  const text = (name: string, most = FILTER_CHARACTERS_MAX) => (query.get(name) ?? '').slice(0, most);
  return {
    ...path,
    view: {
      range: oneOf(RANGE_NAMES, query.get('range'), DEFAULT_VIEW.range),
      custom: parseCustom(query.get('from'), query.get('to')),
      live: query.get('live') !== 'off',
      tab: oneOf(TABS, query.get('tab'), DEFAULT_VIEW.tab),
      severity: oneOf(SEVERITY_FILTERS, query.get('severity'), DEFAULT_VIEW.severity),
      order: oneOf(ORDERS, query.get('order'), DEFAULT_VIEW.order),
      q: text('q', path.page === 'search' ? QUESTION_CHARACTERS_MAX : FILTER_CHARACTERS_MAX),
      service: text('service'),
      tag: text('tag'),
      hidden: CLASSES.filter((name) => hidden.includes(name)),
      node: text('node'),
      add: oneOf(['', ...ADDED_TYPES], query.get('add'), DEFAULT_VIEW.add),
    },
  };
}

/** Writes an address; defaults are left out. */
export function formatAddress(address: Address): string {
  const { page, id, view } = address;
  const query = new URLSearchParams();
  const set = (name: string, value: string, fallback: string) => {
    if (value !== fallback) query.set(name, value);
  };
  set('range', view.range, DEFAULT_VIEW.range);
  if (view.custom !== null) {
    query.set('from', formatInstantParameter(view.custom.from));
    query.set('to', formatInstantParameter(view.custom.to));
  }
  set('live', view.live ? 'on' : 'off', 'on');
  set('tab', view.tab, DEFAULT_VIEW.tab);
  set('severity', view.severity, DEFAULT_VIEW.severity);
  set('order', view.order, DEFAULT_VIEW.order);
  set('q', view.q, '');
  set('service', view.service, '');
  set('tag', view.tag, '');
  set('hide', view.hidden.join(','), '');
  set('node', view.node, '');
  set('add', view.add, '');
  const path =
    page === 'issue' || page === 'alert' ? `${LISTS[page]}/${encodeURIComponent(id)}` : page === 'missing' ? '/' : PATHS[page];
  // Colons and commas are allowed in a query and far easier to read than their escapes.
  const text = query.toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  return text === '' ? path : `${path}?${text}`;
}

/** RFC 3339 without fractions of a second. */
export function formatInstantParameter(instantMs: number): string {
  return new Date(instantMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** The address of another page: time and live travel along, the filters of this page do not. */
export function addressOf(page: PageName, from: View, changes: Partial<View> = {}, id = ''): Address {
  const { range, custom, live } = from;
  return { page, id, view: { ...DEFAULT_VIEW, range, custom, live, ...changes } };
}

/** The range of a view at the instant `nowMs`; a preset ends with the chart column that `nowMs` falls into. */
export function rangeOf(view: View, nowMs: number): { from: number; to: number } {
  if (view.custom !== null) return view.custom;
  const rangeMs = RANGE_SECONDS[view.range] * 1_000;
  const columnMs = chooseSlice(0, rangeMs) * 1_000;
  const to = Math.ceil(nowMs / columnMs) * columnMs;
  return { from: to - rangeMs, to };
}
