/**
 * A seeded, plausible story for the mock API: a shop whose database pool runs dry 25 minutes ago, a fault that a release
 * brought in 70 minutes ago, and the ordinary noise around them. Counts are a function of (seed, issue, minute), so every
 * range and every slice adds up to the same numbers.
 */
import type { Severity, SeverityClass } from '../src/api/types';

export const MINUTE_MS = 60_000;
export const HISTORY_MINUTES = 7 * 24 * 60;

export interface Story {
  id: string;
  template: string;
  sample: string;
  severity: Severity;
  class: SeverityClass;
  services: string[];
  fingerprints: number;
  /** Usual events per minute. */
  rate: number;
  /** Minutes before the start of the mock server at which it first appeared; endless when it was always there. */
  sinceMinutes: number;
  /** A burst: from, to (minutes before the start, to may lie ahead) and how many times the usual rate. */
  burst: { from: number; to: number; factor: number } | null;
}

type Line = [template: string, sample: string, severity: Severity, services: string, rate: number, extra?: Partial<Story>];

const LINES: Line[] = [
  ['could not acquire a connection from pool <*> within <num> ms (active=<num> idle=<num> waiting=<num>)', 'could not acquire a connection from pool orders-primary within 3000 ms (active=40 idle=0 waiting=112)', 'error', 'checkout,orders', 1.2, { fingerprints: 3, burst: { from: 25, to: -10_000, factor: 38 } }],
  ['upstream request timed out: <word> <path> upstream=<ip>:<num> after <num> ms', 'upstream request timed out: POST /v2/checkout/confirm upstream=10.12.4.7:8443 after 5000 ms', 'error', 'gateway', 2.1, { fingerprints: 2, burst: { from: 23, to: -10_000, factor: 11 } }],
  ['retrying payment authorisation for order <id>, attempt <num> of <num>', 'retrying payment authorisation for order 7f3a91c2, attempt 2 of 5', 'warn', 'payments,checkout', 3.4, { burst: { from: 21, to: -10_000, factor: 6.2 } }],
  ['java.lang.NullPointerException: Cannot invoke "<*>.currency()" because "<*>" is null at PriceFormatter.format(PriceFormatter.java)', 'java.lang.NullPointerException: Cannot invoke "Money.currency()" because "discount" is null\n\tat shop.pricing.PriceFormatter.format(PriceFormatter.java:118)\n\tat shop.pricing.BasketView.render(BasketView.java:64)\n\tat shop.web.BasketHandler.get(BasketHandler.java:41)', 'error', 'storefront', 4.6, { sinceMinutes: 70, fingerprints: 4 }],
  ['feature flag <*> is not defined, using default <*>', 'feature flag basket_discount_v2 is not defined, using default false', 'warn', 'storefront', 1.9, { sinceMinutes: 71 }],
  ['circuit breaker <*> opened after <num> consecutive failures', 'circuit breaker orders-db opened after 20 consecutive failures', 'error', 'checkout', 0.8, { sinceMinutes: 24 }],
  ['replication lag of <num> s exceeds <num> s on replica <host>', 'replication lag of 14 s exceeds 10 s on replica db-orders-2', 'warn', 'postgres', 0.5, { burst: { from: 340, to: 290, factor: 24 } }],
  ['TLS handshake with <ip>:<num> failed: certificate has expired', 'TLS handshake with 192.0.2.41:9093 failed: certificate has expired', 'error', 'mailer', 0.9, { burst: { from: 1_600, to: 1_480, factor: 15 } }],
  ['consumer group <*> is rebalancing: member <uuid> left', 'consumer group invoice-writer is rebalancing: member 0b9c7e2e-53a8-4a1c-9a55-c1c0e6d0f6aa left', 'warn', 'invoices,search-indexer,mailer,ledger', 0.4],
  ['slow query took <num> ms: SELECT <*> FROM order_lines WHERE order_id = <num>', 'slow query took 1840 ms: SELECT sku, qty FROM order_lines WHERE order_id = 99120418', 'warn', 'orders', 1.5, { burst: { from: 28, to: -10_000, factor: 3.1 } }],
  ['payment declined by issuer: code=<num> scheme=<word>', 'payment declined by issuer: code=51 scheme=visa', 'warn', 'payments', 6.5],
  ['invalid session token for user <id>, forcing sign-in', 'invalid session token for user u_5561027, forcing sign-in', 'warn', 'identity', 5.2],
  ['rate limit exceeded for client <ip> on <path>', 'rate limit exceeded for client 203.0.113.88 on /v2/search', 'warn', 'gateway', 8.4],
  ['could not deliver mail to <email>: <num> mailbox unavailable', 'could not deliver mail to a.person@example.org: 550 mailbox unavailable', 'error', 'mailer', 1.1],
  ['image <path> cannot be decoded: unexpected end of data at byte <num>', 'image /in/9f/2210.jpg cannot be decoded: unexpected end of data at byte 81920', 'error', 'thumbnails', 0.6],
  ['disk usage on <path> is at <num>%', 'disk usage on /var/lib/search is at 86%', 'warn', 'search-indexer', 0.2],
  ['dropping malformed event from topic <*>: missing field "<*>"', 'dropping malformed event from topic clicks: missing field "session"', 'warn', 'ledger', 0.7],
  ['worker <num> exited with status <num>, restarting', 'worker 7 exited with status 137, restarting', 'fatal', 'thumbnails', 0.03],
  ['out of memory: killed process <num> (<word>) total-vm:<num>kB', 'out of memory: killed process 28114 (thumbd) total-vm:4193212kB', 'fatal', 'thumbnails', 0.02],
  ['<img src=x onerror=alert(<num>)> is not a known coupon code', '<img src=x onerror=alert(1)> is not a known coupon code', 'warn', 'checkout', 0.3],
  ['deadlock detected: process <num> waits for ShareLock on transaction <num>', 'deadlock detected: process 4412 waits for ShareLock on transaction 88120934', 'error', 'postgres', 0.08],
  ['cache miss storm on key prefix <*>: <num> misses in <num> s', 'cache miss storm on key prefix price: 18211 misses in 10 s', 'warn', 'pricing', 0.15],
  ['clock drift of <num> ms against <host>', 'clock drift of 212 ms against ntp-2', 'unknown', 'node-agent', 0.3],
  ['request completed <word> <path> <num> in <num> ms', 'request completed GET /v2/products/8812 200 in 12 ms', 'info', 'gateway,storefront', 180],
  ['order <id> accepted, total <num> <word>', 'order 7f3a91c2 accepted, total 84.10 EUR', 'info', 'orders', 21],
  ['indexed <num> documents in <num> ms', 'indexed 500 documents in 41 ms', 'info', 'search-indexer', 12],
  ['session <uuid> created for user <id>', 'session 4f0f0e1c-8a1f-4d7f-a25a-6d1c1f9f8f12 created for user u_5561027', 'debug', 'identity', 16],
];

const NOISE_PLACES = ['gateway', 'catalogue', 'ledger', 'shipping', 'invoices', 'search-indexer', 'recommender', 'returns'];
const NOISE: [string, Severity][] = [
  ['unexpected status <num> from <host><path>, retry in <num> s', 'warn'],
  ['could not parse field "<*>" as <word>: <*>', 'warn'],
  ['lookup of <host> failed: no such host', 'error'],
  ['job <uuid> took <num> s, limit is <num> s', 'warn'],
  ['connection reset by peer <ip>:<num>', 'error'],
  ['lease <*> expired before renewal', 'warn'],
  ['assertion failed: balance(<id>) >= <num>', 'error'],
  ['response from <host> is missing header <*>', 'warn'],
];

/** A hash of small numbers to 0…1, good enough to look like noise. */
export function noise(seed: number, index: number): number {
  let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 0x7f4a7c15, 0xc2b2ae35);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
}

export function classOf(severity: Severity): SeverityClass {
  if (severity === 'fatal' || severity === 'error') return 'error';
  return severity === 'warn' || severity === 'unknown' ? 'warn' : 'rest';
}

function identity(index: number): string {
  return `i_${Math.floor(noise(11, index) * 0xffffffff).toString(16).padStart(8, '0')}${Math.floor(noise(12, index) * 0xffffffff).toString(16).padStart(8, '0')}`;
}

export function tellStories(): Story[] {
  const lines = [...LINES];
  NOISE.forEach(([template, severity], row) => {
    NOISE_PLACES.forEach((place, column) => {
      const at = row * NOISE_PLACES.length + column;
      lines.push([`${place}: ${template}`, `${place}: ${template.replaceAll(/<[^>]+>/g, '42')}`, severity, place, 0.02 + noise(5, at) ** 3]);
    });
  });
  return lines.map(([template, sample, severity, services, rate, extra], index) => ({
    id: identity(index),
    template,
    sample,
    severity,
    class: classOf(severity),
    services: services.split(','),
    fingerprints: 1,
    rate,
    sinceMinutes: Infinity,
    burst: null,
    ...extra,
  }));
}

/** Events of a story in the minute that starts `minutesBefore` minutes before the mock server did. */
export function countInMinute(story: Story, index: number, minutesBefore: number, minuteOfDay: number): number {
  if (minutesBefore > story.sinceMinutes || minutesBefore > HISTORY_MINUTES) return 0;
  const daily = 1 + 0.45 * Math.sin(((minuteOfDay - 480) / 1_440) * 2 * Math.PI);
  const { burst } = story;
  const inBurst = burst !== null && minutesBefore <= burst.from && minutesBefore >= burst.to;
  const ramp = inBurst ? Math.min(1, (burst.from - minutesBefore + 1) / 4) : 0;
  const expected = story.rate * daily * (inBurst ? 1 + (burst.factor - 1) * ramp : 1);
  const wobble = noise(index + 100, minutesBefore + 1_000_000);
  const spread = expected * (0.7 + 0.6 * wobble);
  return Math.floor(spread) + (noise(index + 500, minutesBefore + 1_000_000) < spread % 1 ? 1 : 0);
}
