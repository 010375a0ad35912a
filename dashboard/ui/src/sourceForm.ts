/**
 * The form of a new source: which options have a field of their own, what is sent, and to which field a problem belongs.
 *
 * The server checks everything and knows every option; here are the ones that people need most, the others are written as
 * lines of text. A test holds the fields against the reference of the graph file (docs/reference/graph.schema.json).
 */
import type { NewSource } from './api/types';
import type { AddedType } from './routes';

/** One option with a field of its own. */
export interface Field {
  name: string;
  label: string;
  help: string;
  /** `lines` is a list, one element a line; `line_or_lines` is sent as a text when there is one line only. */
  kind: 'text' | 'lines' | 'line_or_lines' | 'choice';
  required?: boolean;
  placeholder?: string;
  /** Of a choice: what is sent, and what it means; the first is the default and is not sent. */
  choices?: readonly (readonly [value: string, meaning: string])[];
}

export interface TypeForm {
  name: string;
  does: string;
  fields: readonly Field[];
}

const TOKEN_FILE: Field = {
  name: 'token_file', label: 'File with tokens', kind: 'text', placeholder: '/var/log/tokens',
  help: 'One token a line; every request must carry one. Needed when it listens for other machines.',
};
const START: Field = { name: 'start', label: 'Begin at', kind: 'text', placeholder: 'beginning', help: '`beginning`, `now`, or a place behind which to begin.' };
const USER: Field = { name: 'user', label: 'User', kind: 'text', help: 'The user to log in as.' };
const PASSWORD_FILE: Field = { name: 'password_file', label: 'File with the password', kind: 'text', help: 'A password never stands in an address, only in a file.' };

export const TYPE_FORMS: Record<AddedType, TypeForm> = {
  file: {
    name: 'Files',
    does: 'Follows log files through rotation; every complete line exactly once.',
    fields: [
      { name: 'include', label: 'Files to read', kind: 'lines', required: true, placeholder: '/var/log/shop/*.log',
        help: 'One path or pattern a line, with `*`, `?`, `[…]` and `**`. Only folders that the graph file allows (`server.source_roots`).' },
      { name: 'exclude', label: 'Files to leave out', kind: 'lines', placeholder: '*.debug.log', help: 'One pattern a line; compressed files are left out always.' },
      { name: 'start_at', label: 'Begin at', kind: 'choice', help: 'For files that are there when the source starts first.',
        choices: [['beginning', 'the beginning: read what is in them'], ['end', 'the end: only what is written from now on']] },
    ],
  },
  http: {
    name: 'HTTP',
    does: 'Accepts lines, JSON and journal entries that others send.',
    fields: [
      { name: 'listen', label: 'Listen on', kind: 'text', placeholder: '127.0.0.1:8741', help: 'Address and port; port 0 takes a free one.' },
      TOKEN_FILE,
    ],
  },
  otlp: {
    name: 'OpenTelemetry',
    does: 'Accepts OpenTelemetry logs over HTTP, as protobuf or JSON.',
    fields: [
      { name: 'listen', label: 'Listen on', kind: 'text', placeholder: '127.0.0.1:4318', help: 'Address and port; port 0 takes a free one.' },
      TOKEN_FILE,
    ],
  },
  journald: {
    name: 'System journal',
    does: 'Follows the journal of the system that seismolog runs on.',
    fields: [
      { name: 'start', label: 'Begin at', kind: 'choice', help: 'At the first start; later ones go on where the last one was.',
        choices: [['end', 'the end: only what is written from now on'], ['beginning', 'the beginning: the oldest entry that is left']] },
    ],
  },
  elasticsearch: {
    name: 'Elasticsearch',
    does: 'Reads the documents of Elasticsearch or OpenSearch indices as they come.',
    fields: [
      { name: 'url', label: 'Address', kind: 'line_or_lines', required: true, placeholder: 'https://search:9200', help: 'Of the cluster; several of the same cluster, one a line.' },
      { name: 'index', label: 'Indices', kind: 'text', required: true, placeholder: 'logs-*', help: 'Names and patterns with `*`, separated by commas.' },
      { name: 'time_field', label: 'Field of the time', kind: 'text', placeholder: '@timestamp', help: 'Documents without one are not read.' },
      START, USER, PASSWORD_FILE,
      { name: 'api_key_file', label: 'File with an API key', kind: 'text', help: 'Instead of a user.' },
    ],
  },
  postgres: {
    name: 'Postgres',
    does: 'Reads the rows of a table as they come.',
    fields: [
      { name: 'url', label: 'Address', kind: 'text', placeholder: 'postgres://reader@db:5432/shop', help: 'The server and the database, without a password. Or write `host` and `database` below.' },
      { name: 'table', label: 'Table', kind: 'text', placeholder: 'public.logs', help: 'Or write a `query` below.' },
      { name: 'key', label: 'Column that grows', kind: 'line_or_lines', required: true, placeholder: 'id',
        help: 'With a value of its own in every row. Or two lines: one that grows, such as a time, and one that tells rows apart.' },
      START, PASSWORD_FILE,
    ],
  },
};

/** What every source has, whatever its type. */
export const ID_FIELD: Field = { name: 'id', label: 'Name', kind: 'text', required: true, placeholder: 'shop', help: '1 to 64 lower-case letters, digits, `_` and `-`. It is shown wherever the source is.' };
export const SHARED_FIELDS: readonly Field[] = [
  { name: 'service', label: 'Service', kind: 'text', placeholder: 'checkout', help: 'Of events that name none themselves.' },
  { name: 'timezone', label: 'Time zone', kind: 'text', placeholder: 'UTC', help: 'Of times that are written without one, such as `Europe/Berlin`.' },
];
/** The name under which the other options are kept and their problems shown. */
export const OTHERS = 'others';

/** More than this is no form any more. */
export const OTHERS_CHARACTERS_MAX = 20_000;
const ID = /^[a-z0-9_-]{1,64}$/;

/** What was typed, by the name of the field. */
export type Typed = Record<string, string>;
/** Problems by the name of the field; those of the whole form are under the empty name. */
export type FieldProblems = Record<string, string[]>;

export function fieldsOf(type: AddedType): Field[] {
  return [ID_FIELD, ...TYPE_FORMS[type].fields, ...SHARED_FIELDS];
}

const linesOf = (text: string) => text.split('\n').map((line) => line.trim()).filter(Boolean);

/** A value as in a graph file: JSON, else a text; quotes and a comment at the end are taken off as YAML does. */
function valueOf(text: string): { value: unknown } | { problem: string } {
  const quoted = /^'(.*)'$/.exec(text);
  if (quoted) return { value: quoted[1]!.replaceAll("''", "'") };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    if (/^[[{"]/.test(text)) return { problem: 'is no JSON; a list is written ["a", "b"], a map {"a": 1}' };
    return { value: text.replace(/\s+#.*$/, '') };
  }
}

function addOther(name: string, value: unknown, own: Set<string>, found: Record<string, unknown>, problems: string[]): void {
  if (own.has(name)) problems.push(`\`${name}\` has a field of its own.`);
  else if (Object.hasOwn(found, name)) problems.push(`\`${name}\` stands there twice.`);
  else Object.defineProperty(found, name, { value, enumerable: true });
}

/** Reads the other options: one JSON object, or lines of `option: value`. */
export function readOthers(text: string, own: Set<string>): { options: Record<string, unknown>; problems: string[] } {
  const [options, problems]: [Record<string, unknown>, string[]] = [{}, []];
  if (text.length > OTHERS_CHARACTERS_MAX) return { options, problems: ['This is too long for a form; write the source into the graph file.'] };
  if (text.trimStart().startsWith('{')) {
    try {
      for (const [name, value] of Object.entries(JSON.parse(text) as Record<string, unknown>)) addOther(name, value, own, options, problems);
    } catch {
      problems.push('This begins like JSON and is none.');
    }
    return { options, problems };
  }
  text.split('\n').forEach((line, index) => {
    if (/^\s*(#.*)?$/.test(line)) return;
    const [, name, rest] = /^([A-Za-z_][\w-]*)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || rest === undefined || rest === '') {
      problems.push(`Line ${index + 1} is no \`option: value\`. A list or a map is written as JSON on one line.`);
      return;
    }
    const read = valueOf(rest);
    if ('problem' in read) problems.push(`\`${name}\` ${read.problem}.`);
    else addOther(name, read.value, own, options, problems);
  });
  return { options, problems };
}

/** What is sent for what was typed, and what is wrong with it before anybody is asked. */
export function newSource(type: AddedType, typed: Typed, taken: readonly string[]): { source: NewSource; problems: FieldProblems } {
  const problems: FieldProblems = {};
  const source: NewSource = { id: (typed.id ?? '').trim(), type };
  if (source.id === '') problems.id = ['A name is needed.'];
  else if (!ID.test(source.id)) problems.id = ['Use 1 to 64 of: lower-case letters, digits, `_` and `-`.'];
  else if (taken.includes(source.id)) problems.id = [`There is a source \`${source.id}\` already.`];
  const fields = fieldsOf(type);
  for (const { name, kind, required, label, choices } of fields.slice(1)) {
    const text = (typed[name] ?? '').trim();
    const lines = linesOf(text);
    if (text === '' && required) problems[name] = [`${label}: this is needed.`];
    if (text === '' || text === choices?.[0]?.[0]) continue;
    source[name] = kind === 'lines' || (kind === 'line_or_lines' && lines.length > 1) ? lines : text;
  }
  const others = readOthers(typed[OTHERS] ?? '', new Set(['id', 'type', ...fields.map((field) => field.name)]));
  if (others.problems.length > 0) problems[OTHERS] = others.problems;
  return { source: { ...others.options, ...source }, problems };
}

/** How the server's sentences begin, and which option each is about. */
const BEGINNINGS: [RegExp, string?][] = [
  [/^option `([^`.]+)/],
  [/^`[^`]*` needs the option `([^`]+)`/],
  [/^`[^`]*` has no option `[^`]+`/, OTHERS],
  [/^`[^`]*` cannot be the id/, 'id'],
  [/^there is a source `/, 'id'],
];

/** Deals the sentences of a refusal out to the fields they are about. The server joins them with semicolons. */
export function problemsByField(detail: string, type: AddedType): FieldProblems {
  const known = new Set(fieldsOf(type).map((field) => field.name));
  const problems: FieldProblems = {};
  let last: string[] | null = null;
  for (const part of detail.split('; ')) {
    const beginning = BEGINNINGS.find(([pattern]) => pattern.test(part));
    if (beginning === undefined && last !== null) {
      // A semicolon inside a sentence.
      last[last.length - 1] += `; ${part}`;
      continue;
    }
    const option = beginning?.[1] ?? (beginning ? beginning[0].exec(part)![1]! : '');
    const field = option === '' || option === OTHERS || known.has(option) ? option : OTHERS;
    last = problems[field] ??= [];
    last.push(part);
  }
  return problems;
}
