/**
 * A real browser before the UI with the mock API, under the server's content security policy. Builds the UI once into a folder
 * of its own; needs no binary. Needs Chromium (`CHROMIUM` names another one).
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';

const WAIT_MS_MAX = 30_000;
const CHROMIUM_PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const ROOT = join(import.meta.dirname, '..');
/** The browser reports refusals of the server as errors; they are what some of these tests ask for. */
const REFUSAL = /the server responded with a status of (4\d\d|503)/;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Starts the browser and builds the UI; `close` ends both. */
export async function start() {
  const wanted = process.env.CHROMIUM ? [process.env.CHROMIUM] : CHROMIUM_PATHS;
  const executablePath = wanted.find((path) => existsSync(path));
  assert.ok(executablePath, `there is no Chromium at ${wanted.join(', ')}. Hint: apt install chromium, or set CHROMIUM to its path`);
  const folder = mkdtempSync(join(tmpdir(), 'seismolog-ui-'));
  await build({ root: ROOT, mode: 'mock', logLevel: 'error', build: { outDir: folder } });
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-background-networking'] });

  /** Opens a page of a scenario, on a server of its own; `check` gets it, and afterwards the console must be empty and no script of a log have run. */
  async function open(scenario, path, check, { width = 1_280, theme = 'light' } = {}) {
    process.env.SEISMOLOG_MOCK = scenario;
    const server = await preview({ root: ROOT, mode: 'mock', logLevel: 'error', build: { outDir: folder }, preview: { host: '127.0.0.1' } });
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: theme });
    page.setDefaultTimeout(WAIT_MS_MAX);
    const faults = [];
    page.on('console', (message) => message.type() === 'error' && !REFUSAL.test(message.text()) && faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(String(error)));
    page.on('dialog', (dialog) => {
      faults.push(`a dialog opened: ${dialog.message()}`);
      void dialog.dismiss();
    });
    try {
      await page.goto(`${server.resolvedUrls.local[0].replace(/\/$/, '')}${path}`);
      await check(page);
      assert.deepEqual(faults, []);
    } finally {
      await page.close();
      await server.close();
    }
  }

  async function close() {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
  return { open, close };
}

/**
 * What axe has to say against the page, in short; nothing is what it should be. Not asked: the size of targets, because axe does
 * not see that a whole row is its link, and what a chip does the filter box does too (WCAG 2.5.8, "equivalent").
 */
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join(' | ')}`);
  });
  return found;
}
