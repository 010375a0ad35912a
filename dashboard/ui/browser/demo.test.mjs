/**
 * The real binary in a real browser: the demo's issues are listed, and an issue says what varies in it.
 *
 * Run by `cargo xtask test` after the binary is built, or by hand: `SEISMOLOG_BIN=…/seismolog npm run test:browser`.
 * Needs Chromium (`CHROMIUM` names another one). Fails on any error in the browser's console, so that a style or a script
 * that the content security policy forbids is noticed. Waiting is always for something to happen.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const WAIT_MS_MAX = 60_000;
const CHROMIUM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

let demo;
let browser;
let address;

/** Finds the browser, or says what to install. */
function chromiumPath() {
  const wanted = process.env.CHROMIUM ? [process.env.CHROMIUM] : CHROMIUM_PATHS;
  const found = wanted.find((path) => existsSync(path));
  assert.ok(found, `there is no Chromium at ${wanted.join(', ')}. Hint: apt install chromium, or set CHROMIUM to its path`);
  return found;
}

/** Starts the demo on a free port and returns its address. */
async function startDemo() {
  const binary = process.env.SEISMOLOG_BIN ?? '';
  assert.ok(existsSync(binary), `SEISMOLOG_BIN names no file (${binary}). Hint: cargo build, then SEISMOLOG_BIN=target/debug/seismolog`);
  demo = spawn(binary, ['demo', '--listen', '127.0.0.1:0', '--no-open'], { stdio: ['ignore', 'pipe', 'ignore'] });
  for await (const line of createInterface({ input: demo.stdout })) {
    if (line.startsWith('ready ')) return line.slice('ready '.length).trim();
  }
  throw new Error('the demo ended before it was ready');
}

before(async () => {
  browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: ['--no-sandbox', '--disable-background-networking'],
  });
  address = await startDemo();
});

after(async () => {
  await browser?.close();
  demo?.kill('SIGTERM');
});

test('the demo lists issues, and an issue shows what varies in it', { timeout: 3 * WAIT_MS_MAX }, async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(WAIT_MS_MAX);
  const faults = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(String(error)));

  await page.goto(`${address}/issues`);
  const listed = page.locator('a[data-row]', { has: page.locator('.variable') });
  await listed.first().click();

  await page.getByRole('heading', { name: 'What varies' }).waitFor();
  const place = page.locator('[id^="varies-"]:not(#varies-title)').first();
  assert.match(await page.locator('section', { has: page.locator('#varies-title') }).locator('.aside').innerText(), /^in [\d,]+ .*kept samples?$/);
  assert.notEqual((await place.locator('.value').first().innerText()).trim(), '');
  const inTitle = page.locator('a.variable').first();
  assert.match((await inTitle.getAttribute('title')) ?? '', /^[\d,]+ values? in [\d,]+ samples?: /);
  await inTitle.click();
  assert.match(page.url(), /#varies-\d+$/);
  assert.deepEqual(faults, []);
});
