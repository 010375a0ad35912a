/** The form of a new source: what is sent, what is wrong, and that its fields are what the graph file knows. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ADDED_TYPES, type AddedType } from '../src/routes';
import { fieldsOf, newSource, OTHERS, OTHERS_CHARACTERS_MAX, problemsByField, readOthers, TYPE_FORMS, type Typed } from '../src/sourceForm';
import { LISTEN_DEFAULT } from '../src/sources';

const sent = (type: AddedType, typed: Typed) => newSource(type, { id: 'web', ...typed }, []).source;
const wrong = (type: AddedType, typed: Typed, taken: string[] = []) => newSource(type, typed, taken).problems;

describe('what is sent', () => {
  test('lists are lists, and what is left empty or at its default is left out', () => {
    expect(sent('file', { include: ' /a/*.log \n\n/b ', exclude: '', start_at: 'beginning', service: ' shop ' })).toEqual({ id: 'web', type: 'file', include: ['/a/*.log', '/b'], service: 'shop' });
    expect(sent('file', { include: '/a', start_at: 'end' })).toMatchObject({ include: ['/a'], start_at: 'end' });
  });
  test('one line is a text where a list of one is not meant', () => {
    expect(sent('postgres', { key: 'id' }).key).toBe('id');
    expect(sent('postgres', { key: 'at\nid' }).key).toEqual(['at', 'id']);
  });
  test('what was typed for another type is not sent', () => expect(sent('journald', { include: '/a', listen: 'x' })).toEqual({ id: 'web', type: 'journald' }));
  test('other options are what they are in a graph file', () => {
    const others = "poll_ms: 50  \n# a comment\n\nonce: true\nname: plain text # why\nquoted: 'it''s'\njson: \"a # b\"\nlist: [1, \"b\"]\nmap: {\"requests\": 10}";
    expect(sent('file', { include: '/a', [OTHERS]: others })).toMatchObject({ poll_ms: 50, once: true, name: 'plain text', quoted: "it's", json: 'a # b', list: [1, 'b'], map: { requests: 10 } });
    expect(sent('file', { include: '/a', [OTHERS]: ' {"once": true, "poll_ms": 9}' })).toMatchObject({ once: true, poll_ms: 9 });
  });
  test('an option cannot reach what it does not name', () => {
    const { source } = newSource('http', { id: 'web', [OTHERS]: '__proto__: {"polluted": true}' }, []);
    expect([({} as Record<string, unknown>).polluted, JSON.parse(JSON.stringify(source))]).toMatchObject([undefined, { id: 'web', type: 'http' }]);
  });
});

describe('what is wrong before anybody is asked', () => {
  test('a name is needed, is legal, and is free', () => {
    expect(wrong('http', {}).id).toEqual(['A name is needed.']);
    for (const id of ['Web', 'a b', 'ü', 'x'.repeat(65)]) expect(wrong('http', { id }).id?.[0], id).toContain('lower-case');
    expect(wrong('http', { id: 'app' }, ['app']).id?.[0]).toContain('already');
    expect(wrong('http', { id: 'app' }, ['web'])).toEqual({});
  });
  test('what a type needs is asked for', () => {
    expect(Object.keys(wrong('elasticsearch', { id: 'web' }))).toEqual(['url', 'index']);
    expect(wrong('file', { id: 'web', include: ' \n ' }).include).toHaveLength(1);
  });
  test.each([
    ['indented: \n  x: 1', 'Line 1'], ['no option', 'Line 1'], ['  poll_ms: 5', 'Line 1'], ['list: [a, b]', '`list` is no JSON'], ['include: ["/x"]', '`include` has a field'],
    ['id: x', '`id` has a field'], ['once: true\nonce: false', '`once` stands there twice'], ['{"once": ', 'is none'], ['{"type": "http"}', '`type` has a field'],
  ])('other options: %j', (text, problem) => expect(readOthers(text, new Set(['id', 'type', 'include'])).problems[0]).toContain(problem));
  test('limit: other options end somewhere', () => expect(readOthers('#'.repeat(OTHERS_CHARACTERS_MAX + 1), new Set()).problems).toHaveLength(1));
});

describe('what the server refuses', () => {
  test('each sentence goes to its field, and a semicolon inside of one does not cut it', () => {
    const detail = [
      'option `include` of `web`: cannot understand the pattern "/a/***": wildcards are either regular `*`; or recursive `**`',
      '`web` has no option `nope`. One of: `exclude`, `include`.',
      'option `poll_budget.requests` of `web` must be a whole number, not `x`',
      'option `timezone` of `web` names no time zone: `Mars`.',
    ].join('; ');
    const problems = problemsByField(detail, 'file');
    expect(Object.keys(problems)).toEqual(['include', OTHERS, 'timezone']);
    expect(problems.include).toEqual([expect.stringContaining('; or recursive')]);
    expect(problems[OTHERS]).toHaveLength(2);
  });
  test.each([
    ['option `include`: "/x" is outside of what added sources may read (/var/log); `server.source_roots` of the graph file decides that', 'include'],
    ['`web` needs the option `include`. `include`: Which files to read.', 'include'],
    ['`Web X` cannot be the id of a component. Use 1 to 64 of: lower-case letters.', 'id'],
    ['there is a source `web` already', 'id'],
    ['option `command` starts a program: it belongs into the graph file', OTHERS],
    ['the engine is not running; try later', ''],
  ])('%s', (detail, field) => expect(problemsByField(detail, 'file')).toEqual({ [field]: [detail] }));
});

/** The reference of the graph file, which is generated from the code. */
interface Schema {
  then: { properties: Record<string, { default?: unknown; type?: unknown; description?: string; $ref?: string }>; required?: string[] };
  if: { properties: { type: { const: string } } };
}
const reference = JSON.parse(readFileSync(new URL('../../../docs/reference/graph.schema.json', import.meta.url), 'utf8')) as {
  $defs: Record<string, { oneOf?: { const: string }[] }>;
  properties: { sources: { additionalProperties: { allOf: Schema[] } } };
};

describe('the reference of the graph file', () => {
  const schemas = reference.properties.sources.additionalProperties.allOf;
  const schemaOf = (type: string) => schemas.find((schema) => schema.if.properties.type.const === type)!.then;
  test('every type but the two that cannot be added has a form', () => {
    expect([...ADDED_TYPES, 'stdin', 'synthetic'].sort()).toEqual(schemas.map((schema) => schema.if.properties.type.const).sort());
  });
  test.each([...ADDED_TYPES])('the fields of %s are options, and what is needed has a field', (type) => {
    const { properties, required = [] } = schemaOf(type);
    const fields = fieldsOf(type).slice(1);
    for (const { name, kind } of fields) {
      expect(properties, name).toHaveProperty(name);
      if (kind === 'lines') expect(properties[name]!.type, name).toBe('array');
    }
    expect(fields.map(({ name }) => name)).toEqual(expect.arrayContaining(required));
    expect(fields.filter((field) => field.required).map(({ name }) => name)).toEqual(expect.arrayContaining(required));
    expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length);
  });
  test('choices are all there are, the default first', () => {
    for (const type of ADDED_TYPES) {
      for (const { name, choices } of TYPE_FORMS[type].fields) {
        if (choices === undefined) continue;
        const known = reference.$defs[schemaOf(type).properties[name]!.$ref!.replace('#/$defs/', '')]!.oneOf!.map((one) => one.const);
        expect(choices.map(([value]) => value).sort(), `${type}.${name}`).toEqual([...known].sort());
        expect(choices[0]![0], `${type}.${name}`).toBe(known[0]);
      }
    }
  });
  test('the addresses that are listened on without being named are those of the reference', () => {
    for (const [type, address] of Object.entries(LISTEN_DEFAULT)) expect(schemaOf(type).properties.listen!.description).toContain(`\`${address}\` for \`${type}\``);
  });
});
