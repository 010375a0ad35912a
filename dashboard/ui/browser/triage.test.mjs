/**
 * Deciding about issues in a real browser, against the mock API: by keyboard and with buttons, taken back, refused, heard and not
 * stored, with hostile names and comments, and readable for everybody in both themes. Waiting is always for something to happen.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { start, violations } from './harness.mjs';

let ui;
before(async () => {
  ui = await start();
});
after(() => ui?.close());

const POOL = 'could not acquire a connection';
const UPSTREAM = 'upstream request timed out';
const row = (page, text) => page.locator('section[aria-label="Issues"] li', { hasText: text });
const tray = (page) => page.getByRole('region', { name: 'Selected issues' });
const card = (page, name) => page.locator('section.card', { has: page.getByRole('heading', { name, exact: true }) });
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
/** Moves with j until the row with this text has the focus. */
async function moveTo(page, text) {
  await row(page, text).waitFor();
  for (let step = 0; step < 60; step += 1) {
    if (await row(page, text).evaluate((one) => one.contains(document.activeElement))) return;
    await press(page, 'j');
  }
  assert.fail(`no row says ${text}`);
}
const answers = (page, status, body) => (route) =>
  route.request().method() === 'GET' ? route.continue() : route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) });

test('two issues are selected by keyboard, merged, and taken apart again', () =>
  ui.open('incident', '/issues', async (page) => {
    await moveTo(page, POOL);
    await press(page, 'x');
    await tray(page).getByText('1 issue selected').waitFor();
    await press(page, 'm');
    await tray(page).getByText('Select two issues or more').waitFor();
    await page.locator('#content [data-row]').first().focus();
    await moveTo(page, UPSTREAM);
    await press(page, 'x');
    await tray(page).getByText('2 issues selected').waitFor();
    await press(page, 'm');
    await tray(page).getByText('2 issues are one now.').waitFor();
    await row(page, POOL).waitFor({ state: 'detached' });
    await row(page, UPSTREAM).getByText('5 fingerprints').waitFor();
    await press(page, 'b');
    await tray(page).getByText('Taken back.').waitFor();
    await row(page, POOL).waitFor();
    assert.equal(await tray(page).getByRole('button', { name: 'Undo' }).count(), 0);
  }));

test('issues are resolved and ignored in the list, the keyboard goes on, and it is undone', () =>
  ui.open('incident', '/issues', async (page) => {
    await moveTo(page, UPSTREAM);
    await press(page, 'e');
    await tray(page).getByText('1 issue is resolved.').waitFor();
    await row(page, UPSTREAM).waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.matches('[data-row]'));
    await page.getByRole('link', { name: 'Resolved', exact: true }).click();
    assert.match(page.url(), /\/issues\?tab=resolved$/);
    assert.equal((await row(page, UPSTREAM).locator('.badge.resolved').innerText()).trim(), 'resolved');
    await tray(page).getByRole('button', { name: 'Undo' }).click();
    await row(page, UPSTREAM).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Unresolved' }).click();
    await moveTo(page, POOL);
    await press(page, 'z');
    await page.getByRole('button', { name: '1 hour' }).waitFor();
    await page.waitForFunction(() => document.activeElement?.textContent?.trim() === '1 hour');
    await press(page, 'ArrowDown', 'Enter');
    await tray(page).getByText('1 issue is ignored for 1 day.').waitFor();
    await page.getByRole('link', { name: 'Ignored' }).click();
    await row(page, POOL).getByText(/^ignored until /).waitFor();
  }));

test('all that is shown is selected, assigned, and given back', () =>
  ui.open('incident', '/issues?q=assignee:ann', async (page) => {
    await row(page, POOL).waitFor();
    await page.getByRole('checkbox', { name: 'Select all' }).check();
    await press(page, 'a');
    await page.getByRole('textbox', { name: 'Assign to' }).fill('bob');
    await press(page, 'Enter');
    await tray(page).getByText('1 issue is assigned to bob.').waitFor();
    await page.getByText('No issue matches these filters').waitFor();
    await press(page, 'b');
    await row(page, POOL).waitFor();
    await press(page, 'Escape');
  }));

test('the box speaks the language of the server, and says what cannot be understood', () =>
  ui.open('incident', '/issues?tab=new', async (page) => {
    await page.locator('#content [data-row]').first().waitFor();
    await press(page, '/');
    const box = page.getByRole('searchbox');
    await box.pressSequentially('is:resolved "mailbox unavail');
    assert.match(page.url(), /is:resolved$|tab=new$/, 'a phrase without its end is not sent');
    await box.pressSequentially('able"');
    await page.waitForURL(/q=is:resolved\+%22mailbox\+unavailable%22$/);
    assert.equal(await page.locator('nav[aria-label="State of the issues"] [aria-current]').count(), 0);
    await box.fill('is:gone');
    await page.getByRole('alert').getByText('is:gone is not one of unresolved, open').waitFor();
    assert.equal(await box.getAttribute('aria-invalid'), 'true');
    await press(page, 'Escape');
    await page.getByRole('link', { name: 'Regressed' }).click();
    await box.fill('');
    await press(page, 'Enter');
    await row(page, 'TLS handshake').waitFor();
    assert.match(page.url(), /\/issues\?tab=regressed$/);
  }));

test('an empty tab says what fills it', () =>
  ui.open('incident', '/issues?tab=ignored&range=1h', async (page) => {
    await page.getByRole('checkbox', { name: 'Select all' }).check();
    await press(page, 'v');
    await page.getByText('Nothing is ignored in this range').waitFor();
    await page.getByRole('link', { name: 'Show all issues' }).click();
    assert.match(page.url(), /tab=all/);
  }));

test('an issue is resolved on its page under the name of its reader, commented on, and opened again', () =>
  ui.open('incident', '/issues', async (page) => {
    await row(page, UPSTREAM).getByRole('link').first().click();
    const name = page.getByRole('textbox', { name: 'Your name' });
    await name.fill('ann');
    await name.press('Tab');
    await press(page, 'e');
    await page.getByText('ann resolved it, just now').waitFor();
    const activity = card(page, 'Activity');
    await activity.locator('li', { hasText: 'ann resolved it' }).waitFor();
    await press(page, 'c');
    await page.keyboard.type('The gateway was restarted.');
    await press(page, 'Control+Enter');
    await activity.getByText('Your comment is there.').waitFor();
    assert.match(await activity.locator('li').first().innerText(), /^ann said[\s\S]*The gateway was restarted\.$/);
    await press(page, 'Escape', 'v');
    await page.getByText('ann opened it again, just now').waitFor();
    await page.reload();
    assert.equal(await page.getByRole('textbox', { name: 'Your name' }).inputValue(), 'ann');
  }));

test('fingerprints are split off with what says the same, never all of them, and come back', () =>
  ui.open('incident', '/issues', async (page) => {
    await row(page, POOL).getByRole('link').first().click();
    const members = card(page, 'Fingerprints');
    const boxes = members.getByRole('checkbox');
    await boxes.first().check();
    await members.getByText('goes along').waitFor();
    await boxes.last().check();
    await members.getByText('Nothing would be left').waitFor();
    await press(page, 's');
    await members.getByRole('alert').getByText('Nothing would be left').waitFor();
    await boxes.last().uncheck();
    await press(page, 's');
    await members.getByText('2 fingerprints are split off').waitFor();
    await page.locator('dd', { hasText: /^1$/ }).waitFor();
    await press(page, 'b');
    await members.getByText('Taken back.').waitFor();
    await page.locator('dd', { hasText: /^3$/ }).waitFor();
  }));

test('an issue is merged by its id or from those that are related, and the merge is taken back in its activity', () =>
  ui.open('incident', '/issues', async (page) => {
    const other = (await row(page, UPSTREAM).getByRole('link').first().getAttribute('href')) ?? '';
    await row(page, POOL).getByRole('link').first().click();
    const related = card(page, 'Possibly related');
    await related.getByText('Merge with another issue').waitFor();
    await press(page, 'm');
    await page.keyboard.type('i_0');
    await press(page, 'Enter');
    await related.getByRole('alert').getByText('There is no issue').waitFor();
    await page.getByRole('textbox', { name: 'Merge with another issue' }).fill(`http://here${other}`);
    await press(page, 'Enter');
    await related.getByText('2 issues are one now.').waitFor();
    const activity = card(page, 'Activity');
    const merged = activity.locator('li', { hasText: 'merged it with' });
    await merged.getByRole('button', { name: 'Take back' }).click();
    await activity.getByText('took a merge or a split back').waitFor();
    assert.equal(await merged.getByRole('button').count(), 0);
  }));

test('what is heard and not stored, and what is refused, is said in plain words near the button', () =>
  ui.open('incident', '/issues', async (page) => {
    await moveTo(page, POOL);
    const decide = '**/api/v1/issues/**';
    const refusals = [
      [202, { issue: null, durable: false }, 'Heard; the store has not taken it yet.'],
      [409, { title: 'Conflict', detail: 'the graph has no operator of type `triage`, which would hear of it' }, 'The graph has no operator of type triage, which would hear of it. Nothing was changed.'],
      [422, { title: 'Unprocessable Entity', detail: '`by` has more than 100 characters' }, 'by has more than 100 characters. Nothing was changed.'],
      [503, { title: 'Service Unavailable', detail: 'the engine is stopping' }, 'Not now: The engine is stopping. Nothing was changed; try again in a moment.'],
    ];
    for (const [status, body, words] of refusals) {
      await page.route(decide, answers(page, status, body));
      await press(page, 'e');
      await tray(page).getByText(words).waitFor();
      await page.unroute(decide);
    }
    assert.equal(await row(page, POOL).count(), 1);
  }));

test('hostile names and comments run nothing, turn nothing around and stay in their place', async () => {
  for (const width of [1_280, 420]) {
    await ui.open('hostile', '/issues', async (page) => {
      await row(page, UPSTREAM).getByText('<b>mallory</b>\\u202eWWW').waitFor();
      const sticksOut = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(await sticksOut(), 0);
      await row(page, UPSTREAM).getByRole('link').first().click();
      await card(page, 'Activity').getByText('<script>alert(1)</script>\\u202e gnirts').waitFor();
      await page.getByText('Assigned to <b>mallory</b>').waitFor();
      assert.equal(await sticksOut(), 0);
    }, { width });
  }
});

for (const theme of ['light', 'dark']) {
  test(`everybody can read and use it, ${theme}`, () =>
    ui.open('incident', '/issues?tab=all', async (page) => {
      await moveTo(page, POOL);
      await press(page, 'x', 'z');
      await page.getByRole('button', { name: 'For good' }).waitFor();
      assert.deepEqual(await violations(page), []);
      await press(page, 'Escape', 'Escape', 'e');
      await tray(page).getByText('is resolved').waitFor();
      assert.deepEqual(await violations(page), []);
      await row(page, POOL).getByRole('link').first().click();
      await card(page, 'Activity').getByText('Looking at what holds').waitFor();
      await page.getByText('Merge with another issue').waitFor();
      await card(page, 'Fingerprints').getByRole('checkbox').first().check();
      assert.deepEqual(await violations(page), []);
      await press(page, '?');
      await page.getByRole('heading', { name: 'Keyboard' }).waitFor();
      assert.deepEqual(await violations(page), []);
    }, { theme }));
}
