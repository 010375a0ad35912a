/**
 * The mock API's answers, computed from the stories with the same types the UI reads. Pure apart from the clock that is
 * handed in; `scenario` bends the story so that every state of the UI can be looked at.
 */
import type {
  Alert, AlertAnswer, AlertsAnswer, AlertState, AuditAnswer, GraphAnswer, Issue, IssueAnswer, IssuesAnswer, MeaningAnswer, ReadyAnswer, RejectedAnswer, SearchAnswer, Severity,
  Slice, TimelineAnswer, ValuesAnswer,
} from '../src/api/types';
import { splitTemplate } from '../src/template.ts';
import { fingerprintId, messageOf, type MockIssue, MockTriage } from './triage.ts';
import { partsOf, RELATED, relatedTo, SAME_ISSUE, similarityOf, tagsOf, wordsOf } from './meaning.ts';
import { HOSTILE_TEXT, MockSources } from './sources.ts';
import { askedOf } from './question.ts';
import { countInMinute, HISTORY_MINUTES, MINUTE_MS, noise, type Story, tellStories } from './incident.ts';

export const SCENARIOS = ['incident', 'empty', 'old', 'unbalanced', 'locked', 'broken', 'modelless', 'sourceless', 'hostile'] as const;
export type Scenario = (typeof SCENARIOS)[number];

const RANK: Severity[] = ['trace', 'debug', 'info', 'unknown', 'warn', 'error', 'fatal'];
const OLD_MS = 90 * 24 * 60 * MINUTE_MS;
const iso = (instantMs: number) => new Date(instantMs).toISOString().replace('.000Z', 'Z');

export class MockAnswers {
  readonly #stories: Story[];
  /** The minute the story is told from. */
  readonly #start: number;
  readonly #shift: number;
  /** Per story, the count of each minute plus one; 0 is "not computed yet". */
  readonly #counts = new Map<number, Uint32Array>();
  #epoch = 48_210;
  readonly sources: MockSources;
  readonly triage: MockTriage;
  /** What was decided, by the key of the alert. */
  readonly #decided = new Map<string, { state: AlertState; until: string | null }>();

  constructor(startMs: number, private readonly scenario: Scenario = 'incident') {
    this.#start = Math.floor(startMs / MINUTE_MS);
    this.sources = new MockSources(scenario);
    this.#shift = scenario === 'old' ? OLD_MS / MINUTE_MS : 0;
    this.#stories = scenario === 'empty' ? [] : tellStories();
    this.triage = new MockTriage(this.#stories, scenario, startMs);
  }

  /** Minutes of a range that can hold events: never before the history, never after `nowMs`. */
  #minutes(from: number, to: number, nowMs: number): [number, number] {
    const last = Math.floor(nowMs / MINUTE_MS) - this.#shift;
    const first = this.#start - this.#shift - HISTORY_MINUTES;
    return [Math.max(first, Math.floor(from / MINUTE_MS)), Math.min(last + 1, Math.ceil(to / MINUTE_MS))];
  }

  #count(index: number, minute: number): number {
    const at = minute - (this.#start - this.#shift - HISTORY_MINUTES);
    let counts = this.#counts.get(index);
    if (counts === undefined || at >= counts.length) {
      counts = new Uint32Array(at + HISTORY_MINUTES);
      this.#counts.set(index, counts);
    }
    if (counts[at] === 0) {
      counts[at] = 1 + countInMinute(this.#stories[index]!, index, this.#start - this.#shift - minute, minute % 1_440);
    }
    return counts[at]! - 1;
  }

  /** Events of some fingerprints of a story: they share each minute evenly. */
  #share(index: number, numbers: number[], minute: number): number {
    const [events, all] = [this.#count(index, minute), this.#stories[index]!.fingerprints];
    return numbers.length === all ? events : numbers.reduce((sum, number) => sum + Math.floor(events / all) + (number < events % all ? 1 : 0), 0);
  }

  #countOf({ parts }: MockIssue, minute: number): number {
    let events = 0;
    for (const [index, numbers] of parts) events += this.#share(index, numbers, minute);
    return events;
  }

  /** The story that an issue is named after. */
  #leadOf({ id, parts }: MockIssue): number {
    const all = [...parts.keys()];
    return all.find((index) => this.#stories[index]!.id === id) ?? all[0]!;
  }

  #templateOf(index: number, number: number): string {
    const message = messageOf(this.#stories[index]!, number);
    const { template } = this.#stories[index]!;
    return message === 0 ? template : (partsOf(this.#stories[index]!, index, false)[message]?.text ?? `${template} (<num>)`);
  }

  #issue(issue: MockIssue, from: number, to: number, points: number, nowMs: number): Issue {
    const stories = [...issue.parts.keys()].map((index) => this.#stories[index]!);
    const story = this.#stories[this.#leadOf(issue)]!;
    const [historyFirst, historyEnd] = this.#minutes(0, Infinity, nowMs);
    const sparkline = new Array<number>(points).fill(0);
    let [count, total, firstSeen, lastSeen] = [0, 0, -1, -1];
    for (let minute = historyFirst; minute < historyEnd; minute += 1) {
      const events = this.#countOf(issue, minute);
      if (events === 0) continue;
      if (firstSeen < 0) firstSeen = minute;
      lastSeen = minute;
      total += events;
      const at = Math.floor(((minute * MINUTE_MS - from) / (to - from)) * points);
      if (minute * MINUTE_MS < from || at >= points) continue;
      count += events;
      sparkline[at]! += events;
    }
    return {
      id: issue.id, template: this.#templateOf(this.#leadOf(issue), issue.parts.get(this.#leadOf(issue))![0]!), class: story.class, severity: story.severity,
      services: [...new Set(stories.flatMap(({ services }) => services))],
      tags: this.scenario === 'modelless' ? [] : tagsOf(story.template),
      state: stories.every(({ sinceMinutes }) => sinceMinutes < 1_440) ? 'new' : 'ongoing', triage: this.triage.standing(issue, nowMs),
      spiking: stories.some(({ burst }) => burst !== null && burst.to < 0),
      first_seen: iso(firstSeen * MINUTE_MS), last_seen: iso(Math.min(nowMs - this.#shift * MINUTE_MS, lastSeen * MINUTE_MS + 47_000)),
      count, total, fingerprints: [...issue.parts.values()].reduce((sum, numbers) => sum + numbers.length, 0), sparkline,
    };
  }

  issues(query: URLSearchParams, nowMs: number): IssuesAnswer {
    const [from, to] = readRange(query, nowMs);
    const points = Number(query.get('points') ?? 48);
    const limit = Number(query.get('limit') ?? 50);
    const offset = Number(query.get('cursor') ?? 0);
    const rank = (severity: Severity) => RANK.indexOf(severity === 'unknown' ? 'warn' : severity);
    const { lowest, fits } = askedOf(query);
    const found = this.triage.issues()
      .map((issue) => this.#issue(issue, from, to, points, nowMs))
      .filter((issue) => issue.count > 0)
      .filter((issue) => lowest === 'unknown' || rank(issue.severity) >= RANK.indexOf(lowest as Severity))
      .filter(fits);
    const weight = (issue: Issue) => (issue.spiking ? 4 : 0) + (issue.state === 'new' ? 2 : 0) + rank(issue.severity) / 3 + Math.log10(issue.count);
    const orders: Record<string, (issue: Issue) => number> = {
      relevance: weight, count: (issue) => issue.count, last_seen: (issue) => Date.parse(issue.last_seen), first_seen: (issue) => Date.parse(issue.first_seen),
    };
    const order = orders[query.get('order') ?? 'relevance'] ?? weight;
    found.sort((left, right) => order(right) - order(left));
    return {
      issues: found.slice(offset, offset + limit), matching: found.length,
      next: offset + limit < found.length ? String(offset + limit) : null,
      from: iso(from), to: iso(to), slice_seconds: Math.round((to - from) / 1_000 / points),
    };
  }

  issue(id: string, query: URLSearchParams, nowMs: number): IssueAnswer | null {
    const known = this.triage.find(id);
    if (known === null) return null;
    const [from, to] = readRange(query, nowMs);
    const index = this.#leadOf(known);
    const story = this.#stories[index]!;
    const issue = this.#issue(known, from, to, 48, nowMs);
    const [first, end] = this.#minutes(0, Infinity, nowMs);
    const members = [...known.parts].flatMap(([part, numbers]) => numbers.map((number) => {
      let total = 0;
      for (let minute = first; minute < end; minute += 1) total += this.#share(part, [number], minute);
      const { services, class: kind, severity } = this.#stories[part]!;
      return {
        fingerprint: fingerprintId(part, number), template_id: `t_${part}_${messageOf(this.#stories[part]!, number)}`, template: this.#templateOf(part, number),
        service: services[number % services.length]!, class: kind, severity, first_seen: issue.first_seen, last_seen: issue.last_seen, total,
      };
    }));
    const fingerprint = members[0]!.fingerprint;
    const samples = [0, 1, 2, 3, 4].map((number) => {
      const time = iso(Math.max(Date.parse(issue.first_seen), Date.parse(issue.last_seen) - number * 77_000));
      const host = `${story.services[number % story.services.length]}-${number + 1}`;
      const record = `${time} ${story.severity.toUpperCase()} [${host}] ${story.sample}`;
      return { time, source: 'app-logs', fingerprint, record };
    });
    return { issue, members, samples, alerts: this.alerts(nowMs).alerts.filter((alert) => alert.issue === issue.id) };
  }

  /** What an issue means; without a model everything waits. */
  meaning(id: string, query: URLSearchParams, nowMs: number): MeaningAnswer | null {
    const about = this.triage.find(id);
    if (about === null) return null;
    const index = this.#leadOf(about);
    const [from, to] = readRange(query, nowMs);
    const modelless = this.scenario === 'modelless';
    const known = partsOf(this.#stories[index]!, index, true);
    const parts = modelless ? known.slice(0, 1).map((part) => ({ ...part, state: 'pending' as const, similarity: null })) : known;
    const others = (modelless ? [] : relatedTo(this.#stories, index)).filter((found) => !about.parts.has(found.index));
    const similar = others.map((found) => {
      const { id: issue, template, class: kind, severity, services, spiking, first_seen, last_seen, count, total } = this.#issue(this.triage.find(this.#stories[found.index]!.id)!, from, to, 1, nowMs);
      const { similarity } = found;
      return { issue, template, text: template, similarity, distance: 1 - similarity, class: kind, severity, services, spiking, first_seen, last_seen, count, total };
    });
    return { issue: about.id, same_issue: SAME_ISSUE, related: RELATED, parts_in_all: parts.length, parts, similar };
  }

  /** Issues by words, and by a similarity that stands in for meaning. */
  search(query: URLSearchParams, nowMs: number): SearchAnswer {
    const question = query.get('q') ?? '';
    const asked = wordsOf(question);
    const modelless = this.scenario === 'modelless';
    const hits = this.#stories.map((story, index) => {
      const words = asked.filter((word) => wordsOf(story.template).some((other) => other.startsWith(word)));
      const similarity = similarityOf(question, story.template);
      return { index, words, similarity: modelless ? null : similarity, score: words.length / asked.length + (modelless ? 0 : similarity) };
    });
    const found = hits.filter((hit) => hit.words.length > 0 || (hit.similarity ?? 0) >= RELATED).sort((left, right) => right.score - left.score);
    const results = found.slice(0, Number(query.get('limit') ?? 20)).map(({ index, ...hit }) => {
      const issue = this.#issue(this.triage.find(this.#stories[index]!.id)!, 0, nowMs, 1, nowMs);
      return { issue: { ...issue, sparkline: [] }, text: issue.template, ...hit };
    });
    const why = 'The model is not there; seismolog model fetch puts it where it is looked for.';
    return { query: question, without_meaning: modelless ? why : null, results };
  }

  values(id: string): ValuesAnswer | null {
    const about = this.triage.find(id);
    if (about === null) return null;
    const index = this.#leadOf(about);
    const { template } = this.#stories[index]!;
    const kept = 40 + Math.floor(noise(index, 77) * 60);
    const variables = splitTemplate(template).filter((piece) => piece.variable).map((piece, position) => {
      const type = piece.text.slice(1, -1);
      const distinct = 1 + Math.floor(noise(index, position) * 30);
      const shown = Array.from({ length: Math.min(distinct, 10) }, (_, rank) => Math.floor(kept / (rank + 2)));
      const sum = shown.slice(1).reduce((total, count) => total + count, 0);
      shown[0] = Math.max(1, distinct > shown.length ? Math.floor(kept / 2) : kept - sum);
      let left = kept;
      const top = shown.map((count, rank) => {
        const seen = Math.max(0, Math.min(left, count));
        left -= seen;
        return { value: `${type === '*' ? 'name' : type}-${rank + 1}`, count: seen };
      });
      return { position, placeholder: position, name: type, type, distinct, top: top.filter(({ count }) => count > 0).sort((left, right) => right.count - left.count), samples: kept };
    });
    return { issue: id, template, kept, samples: kept, variables };
  }

  rejected(nowMs: number): RejectedAnswer {
    const examples = this.scenario === 'hostile'
      ? [HOSTILE_TEXT, 'x'.repeat(1_000_000)]
      : ['1970-01-01T00:00:00Z <b>boot</b> clock is not set', '2099-12-31T23:59:59Z GET /status 200'];
    const rows = Object.entries(this.audit(nowMs).rejected).map(([reason, count]) => ({ source: 'edge-logs', reason, count, examples }));
    return { rejected: rows };
  }

  timeline(id: string | null, query: URLSearchParams, nowMs: number): TimelineAnswer {
    const [from, to] = readRange(query, nowMs);
    const slice = Number(query.get('slice') ?? 60);
    const [first, end] = this.#minutes(from, to, nowMs);
    const slices = new Map<number, Slice>();
    const about = id === null ? null : this.triage.find(id);
    this.#stories.forEach((story, index) => {
      if (about !== null && !about.parts.has(index)) return;
      for (let minute = first; minute < end; minute += 1) {
        const events = about === null ? this.#count(index, minute) : this.#share(index, about.parts.get(index)!, minute);
        if (events === 0) continue;
        const start = Math.floor((minute * 60) / slice) * slice;
        const entry = slices.get(start) ?? { start: iso(start * 1_000), error: 0, warn: 0, rest: 0 };
        entry[story.class] += events;
        slices.set(start, entry);
      }
    });
    return { from: iso(from), to: iso(to), slice_seconds: slice, slices: [...slices.values()].sort((left, right) => left.start.localeCompare(right.start)) };
  }

  alerts(nowMs: number): AlertsAnswer {
    const start = (this.#start - this.#shift) * MINUTE_MS;
    const alerts = this.#stories.flatMap((story): Alert[] => {
      if (story.burst === null) return [];
      const { from, to, factor } = story.burst;
      const bucket = 5 * MINUTE_MS;
      const [begun, last] = [start - from * MINUTE_MS, Math.min(nowMs - this.#shift * MINUTE_MS, start - to * MINUTE_MS)];
      const aligned = (instantMs: number) => Math.floor(instantMs / bucket) * bucket;
      const expected = story.rate * 5;
      const key = `a_${story.id.slice(2)}`;
      const { state, until } = this.#decided.get(key) ?? { state: to < 0 ? 'firing' as const : 'resolved' as const, until: null };
      const observed = Math.round(expected * factor);
      return [{
        key, incident: key, issue: this.triage.find(story.id)?.id ?? story.id, template: story.template, severity: story.severity, service: story.services[0]!,
        kind: 'spike', level: 'fingerprint', state, firing: state !== 'resolved', told_observed: null, until, by: null, comment: null,
        fired_at: iso(aligned(begun) + 90_000), changed_at: null, silence: null,
        deploy: to < 0 ? { service: story.services[0]!, version: '2026.11.3', at: iso(aligned(begun) - 4 * MINUTE_MS) } : null,
        explanation: {
          sentence: `Events in one bucket: ${observed} events where ${expected} were expected. By chance that happens once in 10^${Math.round(factor * 4)} times.`,
          test: 'events in one bucket', window_buckets: 1, false_alerts_per_day: 10, series: 218,
        },
        start: iso(aligned(begun)), last: iso(aligned(last)), end: iso(aligned(last) + bucket), bucket_seconds: 300,
        observed: Math.round((story.rate * factor * (last - begun)) / MINUTE_MS),
        peak: { start: iso(aligned(begun) + bucket), observed, expected, ratio: factor, surprise: factor * 4.1 },
      }];
    });
    return { alerts: alerts.sort((left, right) => right.start.localeCompare(left.start)), next: null };
  }

  /** One alert with the hours around its start, and those that began within five minutes of it. */
  alert(key: string, nowMs: number): AlertAnswer | null {
    const { alerts } = this.alerts(nowMs);
    const alert = alerts.find((known) => known.key === key);
    if (alert === undefined) return null;
    const [start, bucketMs] = [Date.parse(alert.start), alert.bucket_seconds * 1_000];
    const baseline = Array.from({ length: 36 }, (_, index) => {
      const at = start + (index - 30) * bucketMs;
      const usual = Math.round(alert.peak.expected * (0.6 + 0.8 * noise(index, 5)));
      const observed = at < start || at > Date.parse(alert.last) ? usual : Math.round(alert.peak.observed * (0.6 + 0.4 * noise(index, 6)));
      return { start: iso(at), observed, expected: alert.peak.expected };
    });
    const incident = alerts.filter((other) => other.key !== key && Math.abs(Date.parse(other.start) - start) <= bucketMs);
    return { alert, baseline, incident };
  }

  /** Takes a decision; returns whether the alert could still be decided about, null if there is none. */
  decide(key: string, decision: string, nowMs: number): boolean | null {
    const alert = this.alerts(nowMs).alerts.find((known) => known.key === key);
    if (alert === undefined) return null;
    if (!alert.firing) return false;
    const states: Record<string, AlertState> = { acknowledge: 'acknowledged', snooze: 'snoozed', resolve: 'resolved' };
    const until = decision === 'snooze' ? iso(nowMs + 120 * MINUTE_MS) : null;
    this.#decided.set(key, { state: states[decision] ?? 'firing', until });
    return true;
  }

  graph(): GraphAnswer {
    const nodes: GraphAnswer['nodes'] = [
      { id: 'app-logs', type: 'file', kind: 'source', output: 'lines' }, { id: 'edge-logs', type: 'file', kind: 'source', output: 'lines' },
      { id: 'demo-load', type: 'synthetic', kind: 'source', output: 'lines' },
      { id: 'parse', type: 'parse', kind: 'operator', output: 'events' }, { id: 'drop-probes', type: 'filter', kind: 'operator', output: 'events' },
      { id: 'fingerprint', type: 'fingerprint', kind: 'operator', output: 'fingerprinted' }, { id: 'window', type: 'window', kind: 'operator', output: 'counts' },
      { id: 'spike', type: 'spike', kind: 'operator', output: 'spikes' }, { id: 'alert', type: 'alert', kind: 'operator', output: 'alerts' },
      { id: 'store', type: 'sqlite', kind: 'store', output: null },
    ];
    const edges = [
      ['app-logs', 'parse', 'lines'], ['edge-logs', 'parse', 'lines'], ['demo-load', 'parse', 'lines'], ['parse', 'drop-probes', 'events'],
      ['drop-probes', 'fingerprint', 'events'], ['fingerprint', 'window', 'fingerprinted'], ['window', 'spike', 'counts'], ['spike', 'alert', 'spikes'],
      ['window', 'store', 'counts'], ['alert', 'store', 'alerts'],
    ];
    return { nodes, edges: edges.map(([from, to, stream]) => ({ from: from!, to: to!, stream: stream! })) };
  }

  audit(nowMs: number): AuditAnswer {
    const since = Math.floor(nowMs / 250) - this.#start * 240;
    const counted = this.scenario === 'empty' ? 0 : 14_203_377 + since * 71;
    const [filtered, rejected] = this.scenario === 'empty' ? [0, 0] : [81_204, 23];
    const read = counted + filtered + rejected + (this.scenario === 'unbalanced' ? 7 : 0);
    return {
      epoch: this.epoch(),
      sources: this.sources.audit(read, nowMs - this.#start * MINUTE_MS),
      lines_read: Math.floor(read * 1.07), lines_blank: 1_882, lines_cut: 4, invalid_utf8: 31, read, counted, filtered,
      filtered_by: filtered ? { 'drop-probes': filtered } : {}, sampled: 0, open: 0, overflowed: 0,
      rejected: rejected ? { absurd_time: 18, format_mismatch: 5 } : {}, balanced: this.scenario !== 'unbalanced',
    };
  }

  ready(): ReadyAnswer {
    return {
      ready: true, reasons: [],
      degraded: this.scenario === 'modelless'
        ? ['131 patterns wait for their embeddings: the model is not there. Until then each is an issue of its own; counts and alerts go on.']
        : [],
      epoch: this.epoch(),
      sources: this.sources.list().map(({ id, state, message }) => ({ id, state, message })),
    };
  }

  epoch(): number {
    return this.#epoch;
  }

  /** One more committed epoch, as the live stream announces it. */
  commit(): { epoch: number; counted: number; issues: string[]; alerts: string[] } {
    this.#epoch += 1;
    const swell = 120 + 90 * Math.sin(this.#epoch / 7);
    const counted = this.scenario === 'empty' ? 0 : Math.round(swell * (0.4 + noise(3, this.#epoch) ** 3 * 30));
    return { epoch: this.#epoch, counted, issues: this.#stories.slice(0, 3).map((story) => story.id), alerts: [] };
  }
}

function readRange(query: URLSearchParams, nowMs: number): [number, number] {
  const to = Date.parse(query.get('to') ?? '');
  const from = Date.parse(query.get('from') ?? '');
  return [Number.isNaN(from) ? nowMs - 86_400_000 : from, Number.isNaN(to) ? nowMs : to];
}
