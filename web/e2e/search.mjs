/*
 * search.mjs - a large result in a real browser: the histogram fills, rows come in windows, nothing freezes; and what is
 * done with rows: context, links, columns, duplicates, search in the page, files.
 *
 *   BOLE_URL=http://127.0.0.1:3100 E2E_ROWS=1000000 node e2e/search.mjs
 *
 * E2E_SCREENSHOTS names a folder for pictures. Pushes its own lines, under a label that no earlier run used.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessibilityViolations, eventually, openBrowser, push, runSteps, serverUrl, step } from "./harness.mjs";

const ROWS = Number(process.env.E2E_ROWS ?? 120_000);
const HELD_MAX = 50_000;
const BATCH = 20_000;
const HOUR_MS = 3_600_000;
/* Sixty windows, one after the other. */
const SCROLL_PATIENCE_MS = 600_000;
const job = `e2e-search-${process.pid}-${Date.now()}`;
const selector = `{job="${job}"}`;
const firstMs = Date.now() - 3 * HOUR_MS;
const stepNs = BigInt(Math.floor((2 * HOUR_MS * 1e6) / ROWS));
const stamp = (n) => String(BigInt(firstMs) * 1_000_000n + BigInt(n) * stepNs);
const LEVELS = ["info", "info", "info", "info", "warn", "info", "info", "debug", "info", "error"];
const USERS = ["ann", "bob", "eve", "joe"];
const line = (n) => `level=${LEVELS[n % 10]} user=${USERS[n % 4]} took=${n % 97}ms msg="request ${n} done"`;

for (let from = 0; from < ROWS; from += BATCH)
  await push(
    job,
    Array.from({ length: Math.min(BATCH, ROWS - from) }, (_, i) => [
      stamp(from + i),
      line(from + i),
      { trace_id: `t${(from + i) % 3}` },
    ]),
  );

const { page, close, problems } = await openBrowser();
const rows = page.locator(".row");
const list = page.locator(".row-list");
const statistics = () => page.locator(".statistics").innerText();
const hashParams = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const picture = async (name) => {
  if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/${name}.png` });
};
const settled = () =>
  page.waitForFunction(() => !document.querySelector(".progress, .stale, .rows-loading"), null);
const shown = (n) => rows.filter({ hasText: `request ${n} done` });

async function open(query, more = {}) {
  await page.goto("about:blank");
  const range = { from: new Date(firstMs - 60_000).toISOString(), to: new Date(firstMs + 2.5 * HOUR_MS).toISOString() };
  const params = new URLSearchParams({ q: query, ...range, tz: "utc", order: "newest", wrap: "0" });
  for (const [name, value] of Object.entries(more)) params.set(name, value);
  await page.goto(`${serverUrl}/#/explore?${params}`);
  await page.locator(".row, .notice").first().waitFor();
}

/* Every task of the page over 50 ms from now on: figures for a person, since a slow machine has them too. */
async function watchTasks() {
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((found) => window.longTasks.push(...found.getEntries().map((one) => one.duration))).observe({
      type: "longtask",
    });
  });
}

async function tellTasks() {
  const tasks = await page.evaluate(() => window.longTasks);
  console.log(`# long tasks: ${tasks.length}, longest ${Math.round(Math.max(0, ...tasks))} ms`);
}

await runSteps(
  [
    step("the histogram fills while the rows are there already", async () => {
      let asked = 0;
      page.on("request", (request) => (asked += request.url().includes("/api/v1/query?") ? 1 : 0));
      await open(`${selector} |= "request"`);
      await watchTasks();
      await settled();
      assert.equal(asked, 1, "rows and histogram are one stream");
      await eventually(async () => {
        const counts = await page.locator(".legend-item b").allInnerTexts();
        assert.equal(counts.reduce((sum, text) => sum + Number(text.replaceAll(",", "")), 0), ROWS);
      });
      await eventually(async () => assert.match(await statistics(), new RegExp(`^1,000 lines of ${ROWS.toLocaleString("en")}`)));
      await eventually(async () => assert.match(await statistics(), /looked at[^]*(MiB|KiB) read[^]*m?s$/));
      await picture("explore");
    }),
    step("rows come in windows, and what is held has a limit", async () => {
      await page.locator(".row-space").focus();
      const far = Math.max(0, ROWS - HELD_MAX - 10_000);
      await eventually(async () => {
        await list.evaluate((box) => {
          box.scrollTop = box.scrollHeight;
        });
        const oldest = Number(/request (\d+) done/.exec(await rows.last().innerText())[1]);
        assert.ok(oldest <= far, `scrolled down to line ${oldest}`);
      }, SCROLL_PATIENCE_MS);
      await eventually(async () => {
        const held = Number(/^([\d,]+)/.exec(await statistics())[1].replaceAll(",", ""));
        assert.ok(held <= HELD_MAX && held >= Math.min(ROWS, 20_000), `${held} rows held`);
      });
      await eventually(async () => assert.ok((await rows.count()) < 120, "only the rows in view exist"));
    }),
    step("End is the last line of all, Home the first again; between them the way back is loaded", async () => {
      await tellTasks();
      await open(`${selector} |= "request"`);
      await watchTasks();
      await settled();
      await page.locator(".row-space").focus();
      await page.keyboard.press("End");
      await shown(0).waitFor();
      await settled();
      await page.waitForFunction(() => {
        const box = document.querySelector(".row-list");
        return box.scrollTop > 0 && box.scrollTop + box.clientHeight >= box.scrollHeight - 1;
      });
      await list.evaluate((box) => {
        box.scrollTop = 0;
      });
      await page.waitForFunction(() => Number(document.querySelector(".statistics b")?.textContent.replace(/\D/g, "")) > 1_000);
      await settled();
      await eventually(async () => {
        const offset = (await shown(999).boundingBox()).y - (await list.boundingBox()).y;
        assert.ok(Math.abs(offset) < 25, `the row at the top stays where it is: ${offset}`);
      });
      await page.keyboard.press("Home");
      await shown(ROWS - 1).waitFor();
    }),
    step("a click on a bar goes there", async () => {
      const chart = page.locator(".histogram .u-over");
      const box = await chart.boundingBox();
      await page.mouse.move(box.x + box.width * 0.4, box.y + 40);
      await page.locator(".bar-tip").waitFor();
      await page.mouse.down();
      await page.mouse.up();
      await page.waitForFunction((last) => ![...document.querySelectorAll(".row-line")].some((row) => row.textContent.includes(last)), `request ${ROWS - 1} done`);
      await settled();
      await tellTasks();
    }),
    step("a running query is cancelled by closing its connection", async () => {
      await page.route("**/api/v1/query?*", () => {}); // no answer
      const asked = page.waitForRequest((request) => request.url().includes("histogram"));
      await page.keyboard.press("r");
      const request = await asked;
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.locator(".banner", { hasText: "stopped before" }).waitFor();
      await page.unroute("**/api/v1/query?*");
      await eventually(() => assert.ok(request.failure() !== null, "the request was given up"));
      assert.ok((await rows.count()) > 0, "what was found stays");
    }),
    step("a server that is away is said to be, and asked again; what is shown stays", async () => {
      await page.route("**/api/v1/query?*", (route) => route.abort());
      await page.keyboard.press("r");
      await page.locator(".banner", { hasText: "cannot be reached" }).waitFor();
      await eventually(async () => assert.ok((await rows.count()) > 0));
      await page.unroute("**/api/v1/query?*");
      await page.locator(".banner", { hasText: "cannot be reached" }).waitFor({ state: "detached" });
    }),
    step("an open row tells where its fields come from, and what values they have in all lines", async () => {
      await open(`${selector} | logfmt`);
      await settled();
      await rows.nth(1).click();
      const detail = page.locator(".row-detail");
      await eventually(async () => assert.match(await detail.getByRole("region", { name: "Metadata" }).innerText(), /trace_id/));
      const parsed = detail.getByRole("region", { name: "Parsed from the line" });
      await eventually(async () => assert.match(await parsed.innerText(), /took[^]*user/));
      await eventually(async () => assert.doesNotMatch(await parsed.innerText(), /trace_id/));
      await page.locator('[data-field="user"]').getByRole("button", { name: "Values of user" }).click();
      const values = page.locator('[data-field="user"] .field-values');
      await values.waitFor();
      const each = (ROWS / 4).toLocaleString("en");
      await eventually(async () => assert.match(await values.innerText(), new RegExp(`in ${ROWS.toLocaleString("en")} lines · 4 values`)));
      await eventually(async () => assert.match(await values.innerText(), new RegExp(`ann\\s*${each}`)));
      await page.locator('[data-field="took"]').getByRole("button", { name: "Values of took" }).click();
      await page.locator('[data-field="took"] .box-plot').waitFor();
      await picture("detail");
    }),
    step("a field becomes a column, which sorts all of the answer", async () => {
      await page.locator('[data-field="took"]').getByRole("button", { name: "Show took as a column" }).click();
      await eventually(() => assert.deepEqual(hashParams().getAll("col"), ["took"]));
      await page.locator(".column-head").getByRole("button", { name: "took", exact: true }).click();
      await page.waitForFunction(() => location.hash.includes("sort"));
      await settled();
      await page.waitForFunction(() => document.querySelector(".row .row-column")?.textContent === "96ms");
      await eventually(() => assert.equal(hashParams().get("q"), `${selector} | logfmt | sort by took desc`));
      await picture("columns");
      await page.goBack();
      await settled();
    }),
    step("context shows the lines around one, whatever the query leaves out", async () => {
      await open(`${selector} |= "user=eve"`);
      await rows.nth(1).click();
      await page.getByRole("button", { name: "Context" }).click();
      const context = page.locator(".context");
      await context.locator(".context-here").waitFor();
      await eventually(async () => assert.equal(await context.locator("li").count(), 16, "five rows are newer than the second one of eve"));
      await eventually(async () => assert.match(await context.innerText(), /user=bob/));
      await picture("context");
    }),
    step("a link to a line opens the lines around it", async () => {
      await open(selector, { order: "newest" });
      await rows.nth(3).click();
      const wanted = await page.locator(".row-open .row-line").innerText();
      await page.getByRole("button", { name: "Copy link" }).click();
      const link = await page.evaluate(() => navigator.clipboard.readText());
      await page.goto("about:blank");
      await page.goto(link);
      await page.locator(".row-pointed", { hasText: wanted }).waitFor();
      await page.goto("about:blank");
      await page.goto(link.replace(/row=[^&]+/, "row=1-0000000000000001"));
      await page.locator(".banner", { hasText: "not in this answer" }).waitFor();
      await page.goto("about:blank");
      await page.goto(link.replace(/row=[^&]+/, "row=nonsense"));
      await page.locator(".banner", { hasText: "not in this answer" }).waitFor();
    }),
    step("lines that repeat are told once", async () => {
      await open(selector, { dedupe: "signature" });
      await page.locator(".row-count").first().waitFor();
      await eventually(async () => assert.match(await page.locator(".row-count").first().innerText(), /^×[\d,]{3,}$/));
      await page.getByLabel("Lines that repeat").selectOption("none");
      await page.waitForFunction(() => document.querySelectorAll(".row-count").length === 0);
    }),
    step("text is found in the lines that are held", async () => {
      await page.locator(".row-space").focus();
      await page.keyboard.press("f");
      await page.getByPlaceholder("Find in these lines").fill(`REQUEST ${ROWS - 500} done`);
      await page.locator(".find-bar [role=status]", { hasText: "1 of 1" }).waitFor();
      await page.locator(".row-active mark", { hasText: `request ${ROWS - 500} done` }).waitFor();
      await picture("find");
      await page.keyboard.press("Escape");
    }),
    step("plain words search, and an empty answer says so", async () => {
      await open(`"request 77 done" job:"${job}"`);
      await shown(77).waitFor();
      await open(`${selector} |= "nowhere to be found"`);
      await page.locator(".notice", { hasText: "No lines found" }).waitFor();
    }),
    step("a file has every line", async () => {
      await open(`${selector} |= "user=bob"`);
      await page.getByRole("button", { name: "Export all lines" }).click();
      for (const [name, lines] of [["CSV", ROWS / 4 + 1], ["NDJSON", ROWS / 4]]) {
        const download = page.waitForEvent("download");
        await page.locator(".export-panel").getByRole("button", { name, exact: true }).click();
        const text = await readFile(await (await download).path(), "utf8");
        assert.equal(text.trimEnd().split("\n").length, lines);
        assert.match(text, /request 1 done/);
      }
      await page.locator(".export-panel", { hasText: "lines exported" }).waitFor();
      await page.locator(".export-panel").getByRole("button", { name: "Copy as curl" }).click();
      await page.locator(".export-panel").getByText("Copied").waitFor();
      const [, url] = /^curl '([^']+)'$/.exec(await page.evaluate(() => navigator.clipboard.readText()));
      assert.equal((await (await fetch(url)).text()).split("\n").filter((text) => text.includes("user=bob")).length, ROWS / 4);
      await picture("export");
    }),
    step("the fields panel counts every line, and a click filters", async () => {
      await open(selector);
      await page.locator(".row-space").focus();
      await page.keyboard.press("s");
      const panel = page.getByRole("complementary", { name: "Fields" });
      await panel.getByRole("region", { name: "Found in the lines" }).waitFor();
      await panel.getByRole("button", { name: /^user/ }).click();
      await eventually(async () => assert.match(await panel.locator(".field-values").innerText(), new RegExp(`ann\\s*${(ROWS / 4).toLocaleString("en")}`)));
      await panel.getByRole("button", { name: /^took/ }).click();
      await panel.locator(".box-plot").waitFor();
      await picture("fields");
      await panel.getByRole("button", { name: /^user/ }).click();
      await panel.getByRole("button", { name: "eve", exact: true }).click();
      await page.waitForFunction(() => location.hash.includes("eve"));
      await eventually(() => assert.equal(hashParams().get("q"), `${selector} | logfmt | user="eve"`));
      await settled();
      await eventually(async () => assert.match(await statistics(), new RegExp(`of ${(ROWS / 4).toLocaleString("en")}`)));
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      await panel.getByRole("button", { name: /^took/ }).hover();
      await panel.getByRole("button", { name: "Lines over time by took" }).click();
      await page.locator(".metric-table tbody tr").first().waitFor();
      assert.match(hashParams().get("q"), /^topk\(10, sum by \(took\) \(count_over_time\(.* \| logfmt .*\[\d+\w+\]\)\)\)$/);
      await page.goBack();
      await settled();
      await page.locator(".row-space").focus();
      await page.keyboard.press("s");
      await panel.waitFor({ state: "detached" });
    }),
    step("both themes, without a violation that axe finds", async () => {
      await open(`${selector} | logfmt`, { col: "user" });
      await rows.nth(1).click();
      await page.locator('[data-field="took"]').getByRole("button", { name: "Values of took" }).click();
      await page.locator('[data-field="took"] .box-plot').waitFor();
      await page.keyboard.press("f");
      for (const scheme of ["dark", "light"]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, scheme);
        await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
        await picture(`all-${scheme}`);
      }
    }),
    step("nothing was reported to the browser's console", async () => {
      assert.deepEqual(problems.filter((text) => !/ERR_FAILED|404/.test(text)), []);
    }),
  ],
  close,
);
