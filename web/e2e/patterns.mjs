/*
 * patterns.mjs - the patterns screen in a real browser: counts, trends, examples, what is new since an earlier time.
 *
 *   BOLE_URL=http://127.0.0.1:3100 node e2e/patterns.mjs
 */
import assert from "node:assert/strict";
import { accessibilityViolations, eventually, openBrowser, push, runSteps, serverUrl, step } from "./harness.mjs";

const job = `e2e-patterns-${process.pid}-${Date.now()}`;
const selector = `{job="${job}"}`;
const HOUR_MS = 3_600_000;
const now = Date.now();
const lines = (text, count, fromMs) =>
  Array.from({ length: count }, (_, i) => [
    `${fromMs + Math.floor((i * 0.8 * HOUR_MS) / count)}${String(i).padStart(6, "0")}`,
    text.replace("%", String(1_000 + i * 7)),
  ]);
const [last, before] = [now - 0.9 * HOUR_MS, now - 1.9 * HOUR_MS];
await push(job, [
  ...lines("GET /orders/% answered 200", 400, last),
  ...lines("GET /orders/% answered 200", 380, before),
  ...lines("connection to db-% lost <b>now</b>", 60, last),
  ...lines("cache % evicted", 90, last),
  ...lines("cache % evicted", 12, before),
  ...lines("starting worker %", 30, before),
]);

const { page, close, problems } = await openBrowser();
const items = page.locator(".patterns > ul > li");
const item = (text) => items.filter({ hasText: text });
const hashQuery = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("q");
const picture = async (name) => {
  if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/${name}.png` });
};
async function open(query, more = {}) {
  await page.goto("about:blank");
  const params = new URLSearchParams({ q: query, from: "now-1h", to: "now", tz: "utc", ...more });
  await page.goto(`${serverUrl}/#/patterns?${params}`);
  await page.locator(".pattern, .notice").first().waitFor();
  await page.waitForFunction(() => !document.querySelector(".progress"));
}

await runSteps(
  [
    step("patterns have counts of all lines, and a trend", async () => {
      await open(selector);
      await eventually(async () => assert.equal(await items.count(), 3));
      await eventually(async () => assert.match(await items.first().innerText(), /400\s*73 %\s*GET <_> answered 200/));
      await eventually(async () => assert.ok(await item("connection to").locator("code").innerText().then((text) => text.includes("<b>now</b>"))));
      await eventually(async () => assert.ok((await items.first().locator("path").getAttribute("d")).length > 100));
    }),
    step("an open one shows lines of its own", async () => {
      await item("cache").locator(".pattern").click();
      await item("cache").locator(".pattern-detail li").first().waitFor();
      await eventually(async () => assert.equal(await item("cache").locator(".pattern-detail li").count(), 5));
      await eventually(async () => assert.match(await item("cache").locator(".pattern-detail li").first().innerText(), /cache \d+ evicted/));
      await picture("patterns");
    }),
    step("compared with the hour before: what is new, spikes, is gone", async () => {
      await page.getByRole("button", { name: "Period before" }).click();
      await item("starting worker").waitFor();
      await eventually(async () => assert.match(await item("connection to").innerText(), /new/));
      await eventually(async () => assert.match(await item("cache").innerText(), /more/));
      await eventually(async () => assert.match(await item("starting worker").innerText(), /gone/));
      await eventually(async () => assert.equal(await item("answered 200").locator(".pattern-change").innerText(), ""));
      await eventually(async () => assert.match(await items.first().innerText(), /connection/, "what is new stands first"));
      await picture("patterns-compared");
    }),
    step("both themes, without a violation that axe finds", async () => {
      for (const scheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, scheme);
        await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      }
    }),
    step("a click leaves its lines out, or shows them", async () => {
      await open(selector);
      await item("answered 200").locator(".pattern").click();
      await page.getByRole("button", { name: "Leave these lines out" }).click();
      await page.waitForFunction(() => document.querySelectorAll(".patterns > ul > li").length === 2);
      await eventually(() => assert.equal(hashQuery(), `${selector} !> "GET <_> answered 200"`));
      await item("cache").locator(".pattern").click();
      await page.getByRole("button", { name: "Show these lines" }).click();
      await page.locator(".row").first().waitFor();
      await page.waitForFunction(() => document.querySelector(".statistics b")?.textContent === "90 lines");
    }),
    step("a query that gives no lines says so", async () => {
      await open(`count_over_time(${selector}[5m])`);
      await eventually(async () => assert.match(await page.locator(".notice").innerText(), /gives numbers/));
    }),
    step("nothing was reported to the browser's console", async () => assert.deepEqual(problems, [])),
  ],
  close,
);
