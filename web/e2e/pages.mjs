/* pages.mjs - sources, dead letters, status, the palette, settings and the way between the screens, in a real browser. */
import assert from "node:assert/strict";
import { accessibilityViolations, eventually, openBrowser, picture, push, runSteps, serverUrl, step } from "./harness.mjs";

const BROKEN = 3;
for (let i = 0; i < 12; i++) await push("pages", [[`${Date.now()}000000`, `line ${i}`]]);
for (let i = 0; i < BROKEN; i++) {
  await fetch(`${serverUrl}/insert/jsonline`, {
    method: "POST",
    headers: { "User-Agent": "shipper/<b>1.2</b>" },
    body: `{"_msg":"good ${i}"}\n{"_msg":"half ${i}<img src=x>`,
  });
}

const { page, close, problems } = await openBrowser();
const screen = () => new URL(page.url()).hash.replace(/^#\/([a-z]*).*/, "$1");
const button = (name) => page.getByRole("button", { name, exact: true });
const rows = page.locator(".page-table tbody tr");
const letters = page.locator(".letters > li");
const palette = page.getByRole("combobox", { name: "Commands" });
const clean = () => eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));

async function open(name) {
  await page.goto("about:blank");
  await page.goto(`${serverUrl}/#/${name}?${new URLSearchParams({ q: '{job="pages"}', from: "now-1h", to: "now", tz: "utc" })}`);
}

/* What the server would say of a fleet that has been running for a while. */
const HOUR_MS = 3_600_000;
const source = (agent, agoMs, more = {}) => ({
  client: "10.0.0.7",
  agent,
  door: "loki",
  first_seen: new Date(Date.now() - 30 * HOUR_MS).toISOString(),
  last_seen: new Date(Date.now() - agoMs).toISOString(),
  batches: 100_000,
  records: 48_000_000,
  bytes: 9_100_000_000,
  errors: 0,
  records_per_second: 0,
  lag_seconds: 0.4,
  ...more,
});
const FLEET = [
  source("fluent-bit/3.1", 500, { records_per_second: 431.2 }),
  source("promtail/3.0", 900, { records_per_second: 12.5, lag_seconds: 95, client: "10.0.0.9" }),
  source("vector/0.40", 2 * HOUR_MS, { client: "10.0.0.12" }),
  source("otel-collector", 300, { records_per_second: 88, lag_seconds: -30, errors: 17, door: "otlp", client: "10.0.0.31" }),
];

await runSteps(
  [
    step("sources: who really sends", async () => {
      await open("sources");
      await rows.filter({ hasText: "shipper/<b>1.2</b>" }).waitFor();
      await eventually(async () => assert.match(await rows.filter({ hasText: "shipper" }).innerText(), /127\.0\.0\.1.*jsonline/s));
      await eventually(async () => assert.equal(await rows.filter({ hasText: "shipper" }).locator("td").last().innerText(), String(BROKEN)));
      await page.getByText("2 senders").waitFor();
      await button("With errors").click();
      await eventually(async () => assert.equal(await rows.count(), 1));
      await clean();
    }),
    step("sources: the silent are warned of, what is late or ahead is seen", async () => {
      await page.route("**/api/v1/sources", (route) => route.fulfill({ json: { sources: FLEET } }));
      await open("sources");
      await page.getByText("1 sender has been quiet for much longer than usual.").waitFor();
      await eventually(async () => assert.equal(await rows.count(), 4));
      await eventually(async () => assert.match(await rows.first().innerText(), /sending/));
      await eventually(async () => assert.equal(await page.locator(".doubtful").count(), 2));
      await clean();
      await picture(page, "sources");
      await page.emulateMedia({ colorScheme: "dark" });
      await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
      await clean();
      await picture(page, "sources-dark");
      await page.emulateMedia({ colorScheme: "light" });
      await page.getByRole("columnheader", { name: "Records/s" }).getByRole("button").click();
      await eventually(async () => assert.match(await rows.first().innerText(), /fluent-bit/));
      await page.locator(".banner").getByRole("button", { name: "Show" }).click();
      await eventually(async () => assert.equal(await rows.count(), 1));
      assert.match(await rows.innerText(), /silent\s.*vector/s);
      await page.unroute("**/api/v1/sources");
    }),
    step("dead letters: why, and every byte", async () => {
      await open("dead");
      await eventually(async () => assert.equal(await letters.count(), BROKEN));
      await letters.first().getByRole("button").first().click();
      await letters.first().locator(".letter-detail pre").first().waitFor();
      await eventually(async () => assert.match(await letters.first().locator(".letter-detail").innerText(), /half 0<img src=x>/));
      assert.equal(await page.locator(".letters img").count(), 0);
      await clean();
      await picture(page, "dead");
    }),
    step("dead letters: sent again, deleted one by one and all together", async () => {
      await letters.first().getByRole("button", { name: "Send again" }).click();
      await page.getByRole("alert").filter({ hasText: "0 records taken, 1 refused again" }).waitFor();
      await letters.first().getByRole("button", { name: "Delete", exact: true }).click();
      await eventually(async () => assert.equal(await letters.count(), BROKEN - 1));
      await button("Send all again").click();
      await page.getByRole("alert").filter({ hasText: `${BROKEN - 1} refused again` }).waitFor();
      await button("Delete all").click();
      await button("Delete all of them?").click();
      await page.getByRole("heading", { name: "No dead letters" }).waitFor();
      await clean();
    }),
    step("status: that the server is well, and its figures", async () => {
      await open("status");
      await page.locator(".state", { hasText: "well" }).waitFor();
      await eventually(async () => assert.match(await page.locator(".cards").innerText(), /Version[^]*0\.1\.0[^]*Memory[^]*MiB/));
      await clean();
      await picture(page, "status");
      await page.getByLabel("Filter figures").fill("rows_total");
      await eventually(async () => assert.match(await page.locator(".figure-groups").innerText(), /rows_total\s*15\b/));
      await page.route("**/api/v1/status", async (route) => {
        const answer = await (await route.fetch()).json();
        answer.store.bad_chunks_total = 3;
        await route.fulfill({ json: answer });
      });
      await page.getByText("Damaged chunks were met while reading").waitFor();
      await page.unroute("**/api/v1/status");
    }),
    step("a list that could not be read is not an empty one", async () => {
      for (const [name, path, none] of [["sources", "**/api/v1/sources", "Nobody has sent"], ["dead", "**/api/v1/dlq*", "No dead letters"], ["status", "**/api/v1/status", "Version"]]) {
        await page.route(path, (route) => route.fulfill({ status: 400, body: "not today" }));
        await open(name);
        await page.getByRole("alert").filter({ hasText: "This could not be loaded" }).filter({ hasText: "not today" }).waitFor();
        assert.equal(await page.getByText(none).count(), 0);
        await clean();
        await picture(page, `failed-${name}`);
        await page.unroute(path);
        await button("Try again").click();
        await page.getByRole("alert").waitFor({ state: "detached" });
        await page.locator(".page-table, .cards, .notice-calm").first().waitFor();
      }
    }),
    step("keys go to every screen", async () => {
      await open("explore");
      await page.locator(".row").first().waitFor();
      await page.locator(".row-space").focus();
      for (const [key, wanted] of [["7", "status"], ["6", "dead"], ["5", "sources"], ["4", "dashboards"], ["3", "patterns"], ["2", "tail"], ["1", "explore"]]) {
        await page.keyboard.press(key);
        await eventually(() => assert.equal(screen(), wanted));
        await page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
        await page.locator(`.rail a[aria-current="page"][href*="/${wanted}?"]`).waitFor();
      }
      await page.locator(".row").first().waitFor();
      assert.match(decodeURIComponent(page.url()), /\{job="pages"\}/, "the query is still there");
    }),
    step("a key is heard from the moment the screen is there", async () => {
      const fresh = await page.context().newPage();
      await fresh.addInitScript(() => {
        new MutationObserver((_, observer) => {
          if (!document.querySelector(".screen-head")) return;
          observer.disconnect();
          document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "w", bubbles: true }));
        }).observe(document, { childList: true, subtree: true });
      });
      await fresh.goto(`${serverUrl}/#/explore?${new URLSearchParams({ q: '{job="pages"}', wrap: "0" })}`);
      await fresh.waitForFunction(() => location.hash.includes("wrap=1"));
      await fresh.close();
    }),
    step("the palette opens whatever has the name, from the editor too", async () => {
      await page.locator(".editor .cm-content").click();
      await page.keyboard.press("Control+k");
      await palette.waitFor();
      await clean();
      await picture(page, "palette");
      await palette.fill("ingest");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Ingestion health" }).waitFor();
      await page.keyboard.press("Control+k");
      await palette.fill("range last 6");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => location.hash.includes("from=now-6h"));
      /* What came just now is seen, however wide the steps are. */
      await page.getByRole("region", { name: "Lines by service" }).locator("canvas").waitFor();
      await page.keyboard.press("Control+k");
      await fetch(`${serverUrl}/api/v1/saved/query/pages?name=Slow`, { method: "PUT", body: JSON.stringify({ query: '{job="pages"} |= "line"' }) });
      await page.route("**/api/v1/saved/query/pages", (route) => route.fulfill({ status: 400, body: "not that one" }));
      await page.keyboard.press("Escape");
      await palette.waitFor({ state: "detached" });
      await page.keyboard.press("Control+k");
      await palette.fill("query slow");
      await page.getByRole("option", { name: "Query: Slow" }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("alert").filter({ hasText: "not that one" }).waitFor();
      await clean();
      await page.unroute("**/api/v1/saved/query/pages");
      await page.keyboard.press("Enter");
      await palette.waitFor({ state: "detached" });
      await eventually(() => assert.match(new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("q"), /\|= "line"/));
      await page.keyboard.press("Control+k");
      await palette.fill("no such command");
      await page.getByText("Nothing of that name.").waitFor();
      await page.keyboard.press("Escape");
      await palette.waitFor({ state: "detached" });
      await page.keyboard.press("Control+k");
      await palette.fill("keyboard");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor({ state: "detached" });
    }),
    step("settings stay in this browser", async () => {
      await page.keyboard.press(",");
      await page.getByRole("heading", { name: "Settings" }).waitFor();
      await clean();
      await picture(page, "settings");
      await page.locator(".settings").getByRole("button", { name: "Dark" }).click();
      await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
      await page.locator(".settings").getByRole("button", { name: "Oldest first" }).click();
      await page.waitForFunction(() => location.hash.includes("order=oldest"));
      await page.keyboard.press("Escape");
      await page.goto("about:blank");
      await page.goto(`${serverUrl}/#/status`);
      await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
      await page.keyboard.press("1");
      await page.waitForFunction(() => location.hash.includes("order=oldest"));
    }),
    step("on a phone every screen fits, and axe finds nothing", async () => {
      await page.setViewportSize({ width: 390, height: 800 });
      for (const [name, there] of [["explore", ".editor, .notice"], ["patterns", ".editor"], ["dashboards", ".board-list"], ["sources", ".page-table"], ["dead", ".notice"], ["status", ".cards"]]) {
        await open(name);
        await page.locator(there).first().waitFor();
        await eventually(async () => {
          const [inner, bar] = await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector(".rail").scrollWidth]);
          assert.ok(inner <= 390 && bar <= 390, `${name} is ${inner} wide, its bar ${bar}`);
        });
        await clean();
        await picture(page, `phone-${name}`);
      }
      await page.route("**/api/v1/sources", (route) => route.fulfill({ json: { sources: FLEET } }));
      await open("sources");
      await eventually(async () => assert.equal(await rows.count(), 4));
      await eventually(async () => {
        const boxes = await rows.first().locator("td").evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().right));
        assert.ok(Math.max(...boxes) <= 390, "every figure is in sight");
      });
      await clean();
      await picture(page, "phone-fleet");
      await page.unroute("**/api/v1/sources");
    }),
    step("nothing was reported to the browser's console", () => {
      assert.deepEqual(problems, []);
    }),
  ],
  close,
);
