/**
 * What the server says, written by hand until it is generated from the API description.
 *
 * Times are RFC 3339 strings in UTC, identities are opaque strings, counts are exact integers.
 */

export type Severity = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'unknown';

/** The three groups that charts stack: fatal and error, warn and unknown, everything else. */
export type SeverityClass = 'error' | 'warn' | 'rest';

/** What kind of failure an issue is about. */
export interface Tag {
  tag: string;
  /** How sure that is, from 0 to 1. */
  score: number;
  /** Why, as half a sentence. */
  reason: string;
}

/** How an issue stands with people. */
export type TriageState = 'open' | 'resolved' | 'regressed' | 'ignored';

export interface Standing {
  state: TriageState;
  /** When that changed last; null if it never did. */
  changed_at: string | null;
  /** Who changed it; null if events did, or somebody without a name. */
  by: string | null;
  /** Until when it is ignored; null is for good. */
  until: string | null;
  assignee: string | null;
}

export interface Issue {
  id: string;
  template: string;
  class: SeverityClass;
  severity: Severity;
  services: string[];
  /** The surest first. */
  tags: Tag[];
  state: 'new' | 'ongoing';
  triage: Standing;
  spiking: boolean;
  first_seen: string;
  last_seen: string;
  /** Events inside the asked range. */
  count: number;
  /** Events since the store began. */
  total: number;
  fingerprints: number;
  sparkline: number[];
}

export interface IssuesAnswer {
  issues: Issue[];
  matching: number;
  next: string | null;
  from: string;
  to: string;
  slice_seconds: number;
}

export interface Member {
  fingerprint: string;
  template_id: string;
  template: string;
  service: string;
  class: SeverityClass;
  severity: Severity;
  first_seen: string;
  last_seen: string;
  total: number;
}

export interface Sample {
  time: string;
  source: string;
  fingerprint: string;
  record: string;
}

export interface IssueAnswer {
  issue: Issue;
  members: Member[];
  samples: Sample[];
  alerts: Alert[];
}

/** What became of a decision about one issue. */
export interface IssueDecided {
  /** As it stands now; null while the store cannot be asked. */
  issue: Issue | null;
  /** Whether it is stored; if not, it will be. */
  durable: boolean;
}

export interface IssuesDecided {
  issues: number;
  durable: boolean;
}

/** What people said about grouping. */
export type Constraint =
  | { type: 'must_link'; left: string; right: string }
  | { type: 'cannot_link'; left: string; right: string }
  | { type: 'pin'; issue: string };

export interface Grouping {
  id: string;
  constraint: Constraint;
  at: string;
  by: string | null;
  comment: string | null;
}

export interface GroupingsAnswer {
  /** The latest first. */
  groupings: Grouping[];
}

/** What a merge or a split has said. */
export interface Grouped {
  groupings: Grouping[];
  durable: boolean;
}

export interface Activity {
  at: string;
  /** The issue, by the id that it had. */
  issue: string;
  what: 'resolved' | 'reopened' | 'ignored' | 'assigned' | 'commented' | 'regressed' | 'woke' | 'grouped' | 'ungrouped';
  by: string | null;
  comment: string | null;
  until?: string;
  to?: string;
  /** The id of what was said about grouping, or taken back. */
  grouping?: string;
  constraint?: Constraint;
}

export interface ActivityAnswer {
  /** The latest first. */
  activity: Activity[];
  more: boolean;
}

/** An issue that a search found, and what of the question is in it. */
export interface SearchHit {
  issue: Issue;
  /** The text of the pattern that fits best. */
  text: string;
  score: number;
  /** The words of the question that stand in the text. */
  words: string[];
  /** How near the text is in meaning; null when only words were looked at. */
  similarity: number | null;
}

export interface SearchAnswer {
  query: string;
  /** Why only words were looked at; null when meaning was too. */
  without_meaning: string | null;
  /** The best first. */
  results: SearchHit[];
}

/** One pattern of an issue, and whether its meaning is known. */
export interface Part {
  pattern: string;
  text: string;
  state: 'embedded' | 'pending' | 'not_embedded';
  /** The average similarity to the other patterns of the issue. */
  similarity: number | null;
}

/** An issue that is possibly related to another. */
export interface SimilarIssue {
  issue: string;
  template: string;
  /** The text of the pattern that is nearest. */
  text: string;
  similarity: number;
  distance: number;
  class: SeverityClass;
  severity: Severity;
  services: string[];
  spiking: boolean;
  first_seen: string;
  last_seen: string;
  count: number;
  total: number;
}

export interface MeaningAnswer {
  issue: string;
  /** Patterns whose average similarity reaches this are one issue. */
  same_issue: number;
  /** Issues whose average similarity reaches this are possibly related. */
  related: number;
  parts_in_all: number;
  parts: Part[];
  /** The most similar first. */
  similar: SimilarIssue[];
}

export interface TopValue {
  value: string;
  count: number;
}

/** One variable place of an issue's pattern, as far as its kept samples tell. */
export interface Variable {
  position: number;
  /** Which placeholder of the template stands for it, from 0; null when none does. */
  placeholder: number | null;
  name: string;
  type: string;
  distinct: number;
  top: TopValue[];
  /** In how many samples it had a value. */
  samples: number;
}

export interface ValuesAnswer {
  issue: string | null;
  template: string;
  /** How many samples are stored. */
  kept: number;
  /** In how many of them the places were looked for. */
  samples: number;
  variables: Variable[];
}

/** Records of one source that could not be used for one reason; the count is exact, the examples are few. */
export interface RejectedRow {
  source: string;
  reason: string;
  count: number;
  examples: string[];
}

export interface RejectedAnswer {
  rejected: RejectedRow[];
}

export interface Slice {
  start: string;
  error: number;
  warn: number;
  rest: number;
}

export interface TimelineAnswer {
  from: string;
  to: string;
  slice_seconds: number;
  /** Slices without events are left out. */
  slices: Slice[];
}

/** What kind of news an alert is. */
export type AlertKind = 'spike' | 'new_burst' | 'first_seen' | 'regression' | 'gone_quiet' | 'step';

/** Where an alert stands; the last two are ends. */
export type AlertState = 'pending' | 'firing' | 'acknowledged' | 'snoozed' | 'resolved' | 'retracted';

export interface Deploy {
  service: string | null;
  version: string;
  at: string;
}

export interface Alert {
  key: string;
  /** The key of the first alert of those that began together; they are told and decided about together. */
  incident: string;
  issue: string;
  template: string;
  severity: Severity;
  /** Empty if none was named. */
  service: string;
  kind: AlertKind;
  level: 'fingerprint' | 'issue' | 'service';
  state: AlertState;
  /** Whether it has not ended. */
  firing: boolean;
  start: string;
  last: string;
  end: string;
  bucket_seconds: number;
  observed: number;
  /** What was told of its size before late events corrected it. */
  told_observed: number | null;
  peak: { start: string; observed: number; expected: number; ratio: number; surprise: number };
  fired_at: string | null;
  changed_at: string | null;
  /** Until when it is snoozed. */
  until: string | null;
  by: string | null;
  comment: string | null;
  /** The silence that keeps it from being told. */
  silence: string | null;
  deploy: Deploy | null;
  explanation: { sentence: string; test: string; window_buckets: number; false_alerts_per_day: number; series: number };
}

export interface AlertsAnswer {
  alerts: Alert[];
  next: string | null;
}

/** One bucket of the curve behind an alert. */
export interface BaselinePoint {
  start: string;
  observed: number;
  expected: number;
}

export interface AlertAnswer {
  alert: Alert;
  /** Ascending; empty for alerts of earlier builds. */
  baseline: BaselinePoint[];
  /** The other alerts of its incident. */
  incident: Alert[];
}

/** What became of a decision about an alert. */
export interface DecisionAnswer {
  alert: Alert | null;
  /** Whether it is stored; if not, it will be. */
  durable: boolean;
}

export type ComponentKind = 'source' | 'operator' | 'store' | 'notifier';

export interface GraphNode {
  id: string;
  type: string;
  kind: ComponentKind;
  output: string | null;
}

export interface GraphEdge {
  from: string;
  to: string;
  stream: string;
}

export interface GraphAnswer {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export interface SourceAudit {
  offset: Record<string, unknown>;
  read: number;
  lag_bytes: number | null;
  lost_bytes: number;
}

/** The conservation identity: everything read is accounted for. */
export interface AuditAnswer {
  epoch: number;
  sources: Record<string, SourceAudit>;
  lines_read: number;
  lines_blank: number;
  lines_cut: number;
  invalid_utf8: number;
  read: number;
  counted: number;
  filtered: number;
  filtered_by: Record<string, number>;
  sampled: number;
  open: number;
  overflowed: number;
  rejected: Record<string, number>;
  balanced: boolean;
}

/** What a source is doing; `backoff` failed and is tried again, `stopped` failed for good. */
export type SourceActivity = 'running' | 'paused' | 'backoff' | 'finished' | 'stopped';

export interface SourceState {
  id: string;
  state: SourceActivity;
  message: string | null;
}

/** A source, of the graph file or added while the engine runs. */
export interface SourceRow {
  id: string;
  type: string;
  origin: 'file' | 'added';
  state: SourceActivity;
  /** The last sentence it had to say; null when all is well. */
  message: string | null;
  /** How often it was started again after a failure. */
  restarts: number;
  /** As they were given, for one that was added; without passwords. */
  options: Record<string, unknown> | null;
}

export interface SourcesAnswer {
  sources: SourceRow[];
}

/** A source that somebody wants to have: its id, its type and the options of that type. */
export type NewSource = { id: string; type: string } & Record<string, unknown>;

/** What a look at a source that is not there yet has found. */
export interface SourceTested {
  works: boolean;
  message: string;
}

/** What became of a change. */
export interface SourceChanged {
  /** Null once it is removed. */
  source: SourceRow | null;
  /** Whether it is stored; if not, it will be. */
  durable: boolean;
}

export interface ReadyAnswer {
  ready: boolean;
  reasons: string[];
  /** What is missing while the engine goes on all the same, as sentences. */
  degraded: string[];
  epoch: number;
  sources: SourceState[];
}

export interface VersionAnswer {
  name: string;
  version: string;
}

/** The body of `application/problem+json`. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
}

export interface LiveHello {
  epoch: number;
}

export interface LiveCommit {
  epoch: number;
  /** Events added since the last message. */
  counted: number;
  /** Touched issues; the server sends at most 200. */
  issues: string[];
  alerts: string[];
}
