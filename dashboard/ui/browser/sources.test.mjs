/**
 * The page Sources in a real browser, against the mock API and under the server's content security policy: by keyboard,
 * through the form and back, with hostile text, with nothing, and with a server that fails.
 *
 * Waiting is always for something to happen.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start } from './harness.mjs';

let ui;
before(async () => {
  ui = await start();
});
after(() => ui?.close());

const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
const row = (page, id) => page.locator('tr', { has: page.getByRole('link', { name: id, exact: true }) });
const sticksOut = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test('the keyboard leads to the sources, opens one, and shows what could not be used', () =>
  ui.open('incident', '/', async (page) => {
    await page.getByRole('heading', { name: 'Volume' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await row(page, 'edge-logs').waitFor();
    assert.match(page.url(), /\/sources$/);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    assert.equal(await focused(page), 'edge-logs');
    await page.keyboard.press('Enter');
    assert.match(page.url(), /\/sources\?node=edge-logs$/);
    const link = page.getByRole('link', { name: 'edge-logs', exact: true });
    assert.equal(await link.getAttribute('aria-expanded'), 'true');
    await page.getByText('It is in the graph file').waitFor();
    assert.equal(await row(page, 'edge-logs').getByRole('button', { name: /^Remove/ }).count(), 0);
    const rejected = page.getByText(/^18 rejected in edge-logs/);
    await rejected.click();
    await page.getByText('<b>boot</b> clock is not set').first().waitFor();
    await link.press('Enter');
    assert.match(page.url(), /\/sources$/);
  }));

test('every state has its word', () =>
  ui.open('incident', '/sources', async (page) => {
    await row(page, 'app-logs').waitFor();
    const states = { 'app-logs': 'running', archive: 'catching up', intake: 'paused', 'edge-logs': 'failing', 'demo-load': 'finished', 'search-cluster': 'stopped' };
    for (const [id, word] of Object.entries(states)) {
      assert.equal((await row(page, id).locator('td').first().innerText()).trim(), word, id);
    }
    await page.getByText(/^8 sources: 2 running/).waitFor();
  }));

test('a source is tested, corrected and added, and its problems stand at their fields', () =>
  ui.open('incident', '/sources', async (page) => {
    await page.getByRole('link', { name: 'Add a source' }).click();
    assert.match(page.url(), /\?add=file$/);
    const [name, include] = [page.getByRole('textbox', { name: 'Name' }), page.getByRole('textbox', { name: 'Files to read' })];
    assert.equal(await name.evaluate((field) => field === document.activeElement), true);
    await name.press('Enter');
    await page.getByText('2 things have to be corrected').waitFor();
    assert.equal(await name.getAttribute('aria-invalid'), 'true');

    await name.fill('web');
    await include.fill('/etc/shadow');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.locator('#add-include-problem', { hasText: 'server.source_roots' }).waitFor();
    assert.equal(await include.evaluate((field) => field === document.activeElement), true);

    await include.fill('/var/log/web/*.log');
    await page.getByRole('textbox', { name: 'Time zone' }).fill('Mars');
    await page.getByRole('textbox', { name: 'Other options' }).fill('nope: 1');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.locator('#add-timezone-problem', { hasText: 'Mars' }).waitFor();
    await page.locator('#add-others-problem', { hasText: 'nope' }).waitFor();

    await page.getByRole('textbox', { name: 'Time zone' }).fill('');
    await page.getByRole('textbox', { name: 'Other options' }).fill('poll_ms: 100');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('3 files match, 133204 bytes').waitFor();
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('Source web is added.').waitFor();
    assert.match(page.url(), /\/sources\?node=web$/);
    await page.getByText('/var/log/web/*.log').first().waitFor();
    assert.equal(await focused(page), 'Add a source');
  }));

test('a source is paused, resumed and removed after one question', () =>
  ui.open('incident', '/sources', async (page) => {
    await page.getByRole('button', { name: 'Pause archive' }).click();
    await page.getByText('Source archive is paused').waitFor();
    await page.getByRole('button', { name: 'Resume archive' }).click();
    await page.getByText('Source archive goes on').waitFor();
    await page.getByRole('button', { name: 'Remove archive' }).click();
    await page.getByText('stays counted').waitFor();
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('dialog').count(), 0);
    assert.equal(await focused(page), 'Remove…');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.getByText('What was counted from it stays.').waitFor();
    await row(page, 'archive').waitFor({ state: 'detached' });
  }));

test('hostile text runs nothing, turns nothing around and leaves the layout alone', async () => {
  for (const width of [1_280, 420]) {
    const id = 'x'.repeat(64);
    await ui.open('hostile', `/sources?node=${id}`, async (page) => {
      await page.getByText('\\u202e gnirts').first().waitFor();
      assert.equal(await sticksOut(page), 0);
      const cells = page.locator('th, td');
      assert.deepEqual(await cells.evaluateAll((all) => all.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)), []);
      await row(page, 'edge-logs').getByRole('link').first().click();
      await page.getByText(/^18 rejected/).click();
      await page.locator('pre', { hasText: 'xxxx' }).first().waitFor();
      assert.equal(await sticksOut(page), 0);
    }, { width });
  }
});

test('nothing to read says what to do, and a server that fails says so', async () => {
  await ui.open('sourceless', '/sources', async (page) => {
    await page.getByText('Nothing is read yet').waitFor();
    await page.getByRole('link', { name: 'Add a source' }).click();
    await page.getByRole('heading', { name: 'Add a source' }).waitFor();
  });
  await ui.open('broken', '/sources', async (page) => {
    await page.getByRole('alert').getByText('The store is busy').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
  });
});
