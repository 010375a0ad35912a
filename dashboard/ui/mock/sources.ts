/**
 * The sources of the mock API: one in every state, from the graph file and added; they can be tested, added, paused,
 * resumed and removed. What is refused is refused in the words of the server.
 */
import type { NewSource, SourceActivity, SourceAudit, SourceRow, SourceTested } from '../src/api/types';

/** Text that wants to leave its place: markup, marks that turn the direction around, no place to break a line. */
export const HOSTILE_TEXT = `<script>alert(1)</script>\u202e gnirts desrever \u202c<img src=x onerror=alert(2)>${'W'.repeat(4_000)}`;

interface Known extends SourceRow {
  /** What it has read, if it reads no more; the first one that runs has read the rest. */
  read: number;
  lag: number;
  /** By how much it catches up, in bytes a second. */
  faster: number;
  lost: number;
  partitions: string[];
}

function known(id: string, type: string, changes: Partial<Known> = {}): Known {
  return { id, type, origin: 'file', state: 'running', message: null, restarts: 0, options: null, read: 0, lag: 0, faster: 0, lost: 0, partitions: [], ...changes };
}

function everyState(): Known[] {
  return [
    known('app-logs', 'file', { lag: 1_204, partitions: ['app/orders.log#1', 'app/checkout.log#1', 'app/checkout.log#2', 'app/mail.log#1'] }),
    known('edge-logs', 'file', {
      state: 'backoff', read: 5_120_331, lag: 48_211_004, lost: 4_096, partitions: ['edge/access.log#1'], restarts: 12,
      message: 'could not open "edge/access.log": permission denied. Hint: mount the folder readable for user 65532.',
    }),
    known('demo-load', 'synthetic', { state: 'finished', read: 402_118, partitions: ['0'] }),
    known('archive', 'file', {
      origin: 'added', read: 88_204, lag: 731_204_112, faster: 2_400_000, partitions: ['/var/log/archive/2026-11.log#1'],
      options: { type: 'file', include: ['/var/log/archive/*.log', '/var/log/archive/old/**/*.log', '/srv/logs/x.log'], service: 'shop' },
    }),
    known('orders-table', 'postgres', {
      origin: 'added', state: 'backoff', read: 12_004, restarts: 5,
      message: 'could not reach the server: error connecting to server: Connection refused (os error 111)',
      options: { type: 'postgres', url: 'postgres://reader@db:5432/shop', table: 'public.events', key: ['at', 'id'] },
    }),
    known('intake', 'http', { origin: 'added', state: 'paused', options: { type: 'http', listen: '127.0.0.1:8741' } }),
    known('search-cluster', 'elasticsearch', {
      origin: 'added', state: 'stopped', message: 'cannot read logs-*: the user may not (403)', options: { type: 'elasticsearch', url: 'https://search:9200', index: 'logs-*' },
    }),
    known('later', 'file', { origin: 'added', message: 'no file matches /var/log/later/*.log yet', options: { type: 'file', include: ['/var/log/later/*.log'] } }),
  ];
}

function hostile(): Known[] {
  return [
    known('x'.repeat(64), 'file', { origin: 'added', state: 'backoff', message: HOSTILE_TEXT, options: { type: 'file', include: [HOSTILE_TEXT], service: 'y'.repeat(1_000_000) } }),
    known('edge-logs', 'file', { partitions: Array.from({ length: 1_000 }, (_, index) => `/${'deep/'.repeat(40)}${index}.log#1`) }),
  ];
}

/** A refusal: its status and what it says. */
export interface Refusal {
  status: number;
  title: string;
  detail: string;
}

const refuse = (status: number, title: string, detail: string): Refusal => ({ status, title, detail });
const OPTION_OF_FILE = ['type', 'include', 'exclude', 'start_at', 'max_line_bytes', 'poll_ms', 'once', 'service', 'timezone'];

export class MockSources {
  #rows: Known[];

  constructor(scenario: string) {
    this.#rows = scenario === 'sourceless' ? [] : scenario === 'hostile' ? hostile() : everyState();
  }

  list(): SourceRow[] {
    return this.#rows.map(({ id, type, origin, state, message, restarts, options }) => ({ id, type, origin, state, message, restarts, options }));
  }

  /** The numbers of each source when `read` records were read in all, `sinceMs` after the start. */
  audit(read: number, sinceMs: number): Record<string, SourceAudit> {
    const rest = this.#rows.findIndex(({ read: own, state }) => own === 0 && state === 'running');
    const others = this.#rows.reduce((sum, { read: own }) => sum + Math.min(own, read), 0);
    return Object.fromEntries(this.#rows.map(({ id, lag, faster, lost, partitions, read: own }, index) => {
      const offset = Object.fromEntries(partitions.map((partition) => [partition, '{"position":133}']));
      const waits = Math.max(0, lag - Math.floor((sinceMs / 1_000) * faster));
      return [id, { offset, read: index === rest ? Math.max(0, read - others) : Math.min(own, read), lag_bytes: waits, lost_bytes: lost }];
    }));
  }

  test(source: NewSource): SourceTested | Refusal {
    const refusal = this.#check(source);
    if (refusal !== null) return refusal;
    if (source.type === 'postgres') return { works: false, message: 'could not reach the server: error connecting to server: Connection refused (os error 111)' };
    return { works: true, message: source.type === 'file' ? '3 files match, 133204 bytes' : 'can listen on 127.0.0.1:8741' };
  }

  add(source: NewSource): SourceRow | Refusal {
    const refusal = this.#check(source);
    if (refusal !== null) return refusal;
    if (this.#rows.some(({ id }) => id === source.id)) return refuse(409, 'Conflict', `there is a source \`${source.id}\` already`);
    const { id, ...options } = source;
    this.#rows = [...this.#rows, known(id, source.type, { origin: 'added', options })];
    return this.#row(id)!;
  }

  pause(id: string, paused: boolean): SourceRow | Refusal {
    const row = this.#row(id);
    if (!row) return refuse(404, 'Not Found', `there is no source \`${id}\``);
    if (row.state === 'finished' || row.state === 'stopped') return refuse(409, 'Conflict', `source \`${id}\` has ended`);
    const state: SourceActivity = paused ? 'paused' : 'running';
    this.#rows = this.#rows.map((other) => (other.id === id ? { ...other, state, message: null } : other));
    return this.#row(id)!;
  }

  remove(id: string): null | Refusal {
    const row = this.#row(id);
    if (!row) return refuse(404, 'Not Found', `there is no source \`${id}\``);
    if (row.origin === 'file') return refuse(409, 'Conflict', `source \`${id}\` is in the graph file: take it out there, or pause it`);
    this.#rows = this.#rows.filter((other) => other.id !== id);
    return null;
  }

  #row(id: string): SourceRow | undefined {
    return this.list().find((row) => row.id === id);
  }

  #check(source: NewSource): Refusal | null {
    const outside = [source.include].flat().filter((path) => typeof path === 'string').find((path) => !path.startsWith('/var/log/'));
    if (outside !== undefined) {
      return refuse(403, 'Forbidden', `option \`include\`: "${outside}" is outside of what added sources may read (/var/log); \`server.source_roots\` of the graph file decides that`);
    }
    const mistakes: string[] = [];
    const { id, type, timezone, ...options } = source;
    const strange = type === 'file' ? Object.keys(options).find((name) => !OPTION_OF_FILE.includes(name)) : undefined;
    if (strange !== undefined) mistakes.push(`\`${id}\` has no option \`${strange}\`. One of: \`exclude\`, \`include\`, \`max_line_bytes\`.`);
    if (timezone === 'Mars') mistakes.push(`option \`timezone\` of \`${id}\` names no time zone: \`Mars\`. Take an IANA name such as \`UTC\` or \`Europe/Berlin\`.`);
    return mistakes.length > 0 ? refuse(422, 'Unprocessable Entity', mistakes.join('; ')) : null;
  }
}
