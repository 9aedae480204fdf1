/*
 * explore.mjs - the first screen in a real browser against a running bole.
 *
 *   BOLE_URL=http://127.0.0.1:3100 npm run e2e
 *
 * CHROMIUM names the browser; E2E_SCREENSHOT a file to save a picture of the finished page to.
 * It pushes its own lines, under a label that no earlier run used, and needs nothing else in the store.
 */
import assert from "node:assert/strict";
import { accessibilityViolations, eventually, openBrowser, push, runSteps, serverUrl, step } from "./harness.mjs";

const job = `e2e-${process.pid}-${Date.now()}`;
const esc = "\u001b";
const LINES = {
  script: `<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1"> &amp; "quoted"`,
  ansi: `${esc}[1;31mERROR${esc}[0m disk ${esc}[38;5;208msda1${esc}[0m is full`,
  unicode: "naïve café — Ελλάδα 日本語 👩‍💻 \u{1F680} שלום",
  json: `{"user":"ann","n":12345678901234567890,"nested":{"ok":true,"list":[1,2]}}`,
  spaces: "  leading, double  inner,\ttab and trailing  ",
};
const BULK = 2_500;
/* More than a paused tail takes. */
const PAUSED = 10_500;
/* A tail that was opened just now shows what it missed, however fast that comes. */
const CATCH_UP_MS = 1_800;
const MINUTE_MS = 60_000;

/* Half an hour ago, so that "now" does not move the lines out of a bar while the test runs. */
const base = Math.floor((Date.now() - 30 * MINUTE_MS) / MINUTE_MS) * MINUTE_MS;
const ns = (ms, n = 0) => `${ms}${String(n).padStart(6, "0")}`;
const selector = `{job="${job}"}`;

await push(
  job,
  Object.values(LINES).map((line, i) => [ns(base + i, 100 + i), line, { trace_id: `t${i}` }]),
);
await push(
  job,
  Array.from({ length: BULK }, (_, i) => [
    ns(base + 5 * MINUTE_MS + i * 100, i),
    `level=${i % 50 === 0 ? "error" : "info"} msg="bulk line" n=${i}`,
  ]),
);

const { page, close, problems } = await openBrowser();
const rows = page.locator(".row");
const editor = page.locator(".editor .cm-content");
const lineTexts = () => page.locator(".row .row-line").allTextContents();
const statistics = () => page.locator(".statistics").innerText();
const urlQuery = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("q");

/* From an empty page, so that nothing on it can be from before. */
async function open(query, more = {}) {
  await page.goto("about:blank");
  const params = new URLSearchParams({
    q: query,
    from: "now-1h",
    to: "now",
    tz: "utc",
    order: "newest",
    wrap: "0",
    ...more,
  });
  await page.goto(`${serverUrl}/#/explore?${params}`);
  await page.locator(".row, .notice, .metric-table").first().waitFor();
}

async function run(query) {
  await editor.fill(query);
  await page.keyboard.press("Escape");
  await editor.press("Control+Enter");
  await page.waitForFunction((wanted) => new URLSearchParams(location.hash.split("?")[1]).get("q") === wanted, query);
  await page.waitForFunction(() => !document.querySelector(".progress, .stale"));
}

await runSteps(
  [
    step("the page loads under its own Content-Security-Policy", async () => {
      await page.goto(serverUrl);
      await editor.waitFor();
      await eventually(async () => assert.match(await page.title(), /Bole/));
    }),

    step("lines are seen byte for byte, and markup is only text", async () => {
      await open(`${selector} != "bulk line"`);
      await eventually(async () => assert.equal(await rows.count(), Object.keys(LINES).length));
      await eventually(async () => {
        const shown = await lineTexts();
        for (const name of ["script", "unicode", "json", "spaces"]) assert.ok(shown.includes(LINES[name]), name);
        assert.ok(shown.includes("ERROR disk sda1 is full"), "the text without its colours");
      });
      assert.equal(await page.evaluate(() => window.pwned), undefined);
      assert.equal(await page.locator(".row script, .row img").count(), 0);
    }),

    step("terminal colours are styles", async () => {
      const red = page.locator(".row-line span", { hasText: /^ERROR$/ });
      await eventually(async () => assert.equal(await red.evaluate((span) => span.style.fontWeight), "700"));
      await eventually(async () => assert.match(await red.evaluate((span) => span.style.color), /--ansi-red/));
    }),

    step("a copied line has every byte, escape codes too", async () => {
      await rows.filter({ hasText: "ERROR disk" }).click();
      await page.getByRole("button", { name: "Copy line" }).click();
      await eventually(async () => assert.equal(await page.evaluate(() => navigator.clipboard.readText()), LINES.ansi));
      await rows.filter({ hasText: "ERROR disk" }).click();
    }),

    step("an open row shows its fields by origin, and JSON laid out with its numbers as written", async () => {
      await rows.filter({ hasText: '"user":"ann"' }).click();
      const detail = page.locator(".row-detail");
      await eventually(async () => assert.match(await detail.locator(".line-box").innerText(), /"n": 12345678901234567890,\n\s*"nested": \{\n/));
      await eventually(async () => assert.match(await detail.getByRole("region", { name: "Stream labels" }).innerText(), new RegExp(job)));
      await eventually(async () => assert.match(await detail.getByRole("region", { name: "Metadata" }).innerText(), /trace_id\s*t3/));
    }),

    step("a click on a field filters; the back button takes it back", async () => {
      await page
        .locator('[data-field="trace_id"]')
        .getByRole("button", { name: "Only lines with this trace_id" })
        .click();
      await page.waitForFunction(() => document.querySelectorAll(".row").length === 1);
      await eventually(() => assert.equal(urlQuery(), `${selector} != "bulk line" | trace_id="t3"`));
      await page.goBack();
      await page.waitForFunction((n) => document.querySelectorAll(".row").length === n, Object.keys(LINES).length);
    }),

    step("a line filter narrows, and its match is marked", async () => {
      await run(`${selector} |= "日本語"`);
      await eventually(async () => assert.deepEqual(await lineTexts(), [LINES.unicode]));
      await eventually(async () => assert.equal(await page.locator(".row mark").innerText(), "日本語"));
    }),

    step("a broken query says where", async () => {
      await run(`{job="${job}"`);
      await page.locator(".notice-error").waitFor();
      await eventually(async () => assert.match(await page.locator(".notice-error").innerText(), /parse error at line 1, col \d+/));
      await page.locator(".q-error").waitFor();
    }),

    step("the histogram counts every line, by level", async () => {
      await run(`${selector} |= "bulk line"`);
      await page.locator(".legend-item.level-error b").waitFor();
      await eventually(async () => assert.equal(await page.locator(".legend-item.level-error b").innerText(), String(BULK / 50)));
      const info = page.locator(".legend-item.level-info b");
      await eventually(async () => assert.equal(await info.innerText(), (BULK - BULK / 50).toLocaleString("en")));
    }),

    step("only the rows in view exist, and scrolling loads the older ones", async () => {
      await eventually(async () => assert.ok((await rows.count()) < 120));
      const list = page.locator(".row-list");
      const last = rows.filter({ hasText: /n=0$/ });
      for (let i = 0; i < 40 && (await last.count()) === 0; i++) {
        await list.evaluate((box) => {
          box.scrollTop = box.scrollHeight;
        });
        await page.waitForTimeout(100);
      }
      await last.waitFor();
      await eventually(async () => assert.match(await statistics(), new RegExp(`^${BULK.toLocaleString("en")} lines`)));
      await eventually(async () => assert.match(await page.locator(".rows-footer").innerText(), /No more lines/));
    }),

    step("a level of the legend limits the query", async () => {
      await page.locator(".legend-item.level-error").click();
      await page.waitForFunction(
        (n) => document.querySelector(".statistics b")?.textContent?.startsWith(`${n} lines`),
        BULK / 50,
      );
      await eventually(() => assert.match(urlQuery(), /\| detected_level="error"$/));
      await page.locator(".legend-item.level-error").click();
      await page.waitForFunction(() => !location.hash.includes("detected_level"));
    }),

    step("a brush zooms in, to exactly the lines of the bars", async () => {
      await page.waitForFunction(() => !document.querySelector(".progress, .stale"));
      const chart = page.locator(".histogram .u-over");
      await chart.waitFor();
      const box = await chart.boundingBox();
      const x = (ms) => box.x + ((ms - (Date.now() - 60 * MINUTE_MS)) / (60 * MINUTE_MS)) * box.width;
      const [from, to] = [x(base + 4.2 * MINUTE_MS), x(base + 7.2 * MINUTE_MS)];
      await page.mouse.move(from, box.y + 30);
      await page.mouse.down();
      await page.mouse.move((from + to) / 2, box.y + 30, { steps: 4 });
      await page.mouse.move(to, box.y + 30, { steps: 4 });
      await page.mouse.up();
      await page.waitForFunction(() => !location.hash.includes("from=now"));
      await page.waitForFunction(() => !document.querySelector(".progress, .stale"));
      await eventually(async () => {
        const counts = await page.locator(".legend-item b").allInnerTexts();
        const total = counts.reduce((sum, text) => sum + Number(text.replaceAll(",", "")), 0);
        assert.ok(total > 0 && total < BULK, `a part of the lines: ${total}`);
        const [, loaded, found] = /^([\d,]+) lines?(?: of ([\d,]+))?/.exec(await statistics());
        assert.equal(Number((found ?? loaded).replaceAll(",", "")), total);
      });
    }),

    step("numbers over time are a chart and a table", async () => {
      await open(`sum by (detected_level) (count_over_time(${selector} |= "bulk line" [5m]))`);
      await page.locator(".metric canvas").waitFor();
      await eventually(async () => assert.match(await page.locator(".metric-table").innerText(), /detected_level="error"/));
    }),

    step("times are shown in any zone, which the address keeps", async () => {
      await open(`${selector} |= "bulk line"`);
      const shown = () => page.locator(".row-time").first().innerText();
      const before = Date.parse(`${await shown()} UTC`);
      await page.locator(".range-picker .popover > .button").click();
      await page.getByLabel("Other…").selectOption("Asia/Tokyo");
      await page.waitForFunction(() => location.hash.includes("Tokyo"));
      await eventually(async () => assert.equal(Date.parse(`${await shown()} UTC`) - before, 9 * 60 * MINUTE_MS));
      if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/zones.png` });
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      await page.getByRole("button", { name: "UTC", exact: true }).click();
      await page.keyboard.press("Escape");
    }),
    step("the builder and the editor are in step", async () => {
      await open(selector);
      await page.getByRole("button", { name: "Query builder" }).click();
      const builder = page.getByRole("group", { name: "Query builder" });
      await builder.getByRole("button", { name: "Text in the line" }).click();
      await builder.getByPlaceholder("text").fill('bulk "line');
      await eventually(async () => assert.equal(await editor.innerText(), `${selector} |= "bulk \\"line"`));
      await builder.getByPlaceholder("text").fill("bulk line");
      await builder.getByRole("button", { name: "Read fields" }).click();
      await builder.getByLabel("Read fields from").selectOption("logfmt");
      await builder.getByRole("button", { name: "Field", exact: true }).click();
      await builder.getByPlaceholder("field").fill("n");
      await builder.getByLabel("Comparison").last().selectOption("<");
      await builder.getByPlaceholder("value").last().fill("5");
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.querySelector(".statistics b")?.textContent === "5 lines");
      await eventually(() => assert.equal(urlQuery(), `${selector} |= "bulk line" | logfmt | n < 5`));
      if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/builder.png` });
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      await run(`${selector} |= "café"`);
      await eventually(async () => assert.equal(await builder.getByPlaceholder("text").inputValue(), "café"));
      await editor.fill(`rate(${selector}[1m])`);
      await page.locator(".builder", { hasText: "for the editor" }).waitFor();
      await page.getByRole("button", { name: "Query builder" }).click();
      await page.keyboard.press("Escape");
      await open(`rate(${selector}[5m])`);
    }),
    step("? lists the shortcuts, / goes to the query", async () => {
      await page.locator(".metric-table").click();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
      await page.keyboard.press("Escape");
      await page.keyboard.press("/");
      await eventually(async () => assert.ok(await editor.evaluate((element) => element === document.activeElement)));
      await page.keyboard.press("Escape");
    }),

    step("a live tail shows new lines, pauses without losing any, and goes on", async () => {
      await page.goto("about:blank");
      await page.goto(`${serverUrl}/#/tail?${new URLSearchParams({ q: selector, tz: "utc" })}`);
      await page.locator(".tail-live").waitFor();
      const send = (n) => push(job, [[ns(Date.now()), `tail line ${n} ${LINES.script}`]]);
      await send(1);
      await rows.filter({ hasText: "tail line 1 <script>" }).waitFor();
      await page.locator(".tail-pause").click();
      await send(2);
      await send(3);
      await page.locator(".tail-count", { hasText: "2 new lines waiting" }).waitFor();
      assert.equal(await rows.filter({ hasText: "tail line 2" }).count(), 0);
      await page.locator(".tail-pause").click();
      await rows.filter({ hasText: "tail line 2" }).waitFor();
      await rows.filter({ hasText: "tail line 3" }).waitFor();
      await eventually(async () => assert.match(await statistics(), /0 lines dropped/));
    }),

    step("a tail is filtered and marked while it runs, and shows no more than its speed allows", async () => {
      await page.getByPlaceholder("Filter").fill("LINE 2");
      await page.waitForFunction(() => document.querySelectorAll(".row").length === 1);
      await page.getByPlaceholder("Filter").fill("");
      await page.getByPlaceholder("Highlight").fill("window.pwned");
      await page.locator(".row mark", { hasText: "window.pwned" }).first().waitFor();
      await page.getByLabel("Speed limit").selectOption("50");
      await page.waitForTimeout(CATCH_UP_MS);
      const before = await rows.count();
      await push(job, Array.from({ length: 300 }, (_, i) => [ns(Date.now(), i), `fast ${i}`]));
      await rows.filter({ hasText: /fast 299$/ }).waitFor();
      await eventually(async () => {
        const text = await statistics();
        const [leftOut, held] = [/(\d+) lines left out/, /(\d+) lines/].map((count) => Number(count.exec(text)?.[1]));
        assert.equal(leftOut + held, 300 + before, "every line is shown or counted");
        assert.ok(leftOut > 0);
      });
      await page.getByLabel("Speed limit").selectOption("5000");
    }),
    step("what comes while a tail is paused for long is not lost", async () => {
      await page.locator(".tail-pause").click();
      const lines = Array.from({ length: PAUSED }, (_, i) => [ns(Date.now(), i), `long pause ${i}`]);
      await push(job, lines.slice(0, PAUSED - 1));
      await page.locator(".tail-count", { hasText: "and more waiting" }).waitFor();
      await push(job, lines.slice(PAUSED - 1));
      await page.locator(".tail-pause").click();
      await rows.filter({ hasText: `long pause ${PAUSED - 1}` }).waitFor();
      await eventually(async () => assert.match(await statistics(), /0 lines dropped/));
      if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/tail.png` });
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
    }),
    step("both themes, without a violation that axe finds", async () => {
      await open(selector, { wrap: "1" });
      await rows.first().click();
      for (const scheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, scheme);
        await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      }
    }),

    step("nothing was reported to the browser's console", async () => {
      if (process.env.E2E_SCREENSHOT) await page.screenshot({ path: process.env.E2E_SCREENSHOT });
      assert.deepEqual(problems, []);
    }),
  ],
  close,
);
