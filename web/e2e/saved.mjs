/* saved.mjs - queries and views that are kept on the server, and links, in a real browser. */
import assert from "node:assert/strict";
import { accessibilityViolations, eventually, openBrowser, picture, push, runSteps, serverUrl, step } from "./harness.mjs";

const job = `saved-${process.pid}-${Date.now()}`;
const selector = `{job="${job}"}`;
await push(
  job,
  Array.from({ length: 40 }, (_, i) => [`${Date.now() - i * 1_000}000000`, `level=${i % 4 ? "info" : "error"} n=${i}`]),
);

const { page, close, problems } = await openBrowser();
const params = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const panel = page.locator(".saved-menu");
const items = panel.locator("li");
const openMenu = () => page.getByRole("button", { name: "Saved queries and links" }).click();

async function open(query, more = {}) {
  await page.goto("about:blank");
  await page.goto(`${serverUrl}/#/explore?${new URLSearchParams({ q: query, from: "now-1h", to: "now", tz: "utc", ...more })}`);
  await page.locator(".row, .notice, .metric-table").first().waitFor();
}

async function save(name, whole) {
  await panel.getByLabel("Name", { exact: true }).fill(name);
  await panel.getByLabel("With time range").setChecked(whole);
  await panel.getByRole("button", { name: /^(Save|Replace)$/ }).click();
}

await runSteps(
  [
    step("nothing is saved yet, and the panel says so", async () => {
      await open(`${selector} |= "error"`);
      await openMenu();
      await panel.getByText("Nothing saved yet").waitFor();
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
    }),
    step("a query and a view are saved", async () => {
      await save("Errors <b>only</b>", false);
      await items.filter({ hasText: "Errors <b>only</b>" }).waitFor();
      await page.keyboard.press("Escape");
      await open(`${selector} | logfmt`, { from: "now-6h", order: "oldest", wrap: "1", col: "n" });
      await openMenu();
      await save("Six hours", true);
      await items.filter({ hasText: "Six hours" }).waitFor();
      await eventually(async () => assert.equal(await items.count(), 2));
      await panel.getByText("Saved “Six hours”.").waitFor();
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      await picture(page, "saved");
    }),
    step("another browser opens them: the query alone, or everything about the view", async () => {
      await page.evaluate(() => localStorage.clear());
      await open(selector);
      await openMenu();
      await items.filter({ hasText: "Errors" }).locator(".saved-open").click();
      await eventually(() => assert.equal(params().get("q"), `${selector} |= "error"`));
      assert.equal(params().get("from"), "now-1h");
      await page.locator(".row mark", { hasText: "error" }).first().waitFor();
      await openMenu();
      await items.filter({ hasText: "Six hours" }).locator(".saved-open").click();
      await eventually(() => assert.equal(params().get("from"), "now-6h"));
      assert.deepEqual([params().get("wrap"), params().get("order"), params().get("col")], ["1", "oldest", "n"]);
      await page.locator(".column-head").waitFor();
    }),
    step("the same name replaces; a name is changed; a deletion asks first", async () => {
      await open(`${selector} |= "info"`);
      await openMenu();
      await items.filter({ hasText: "Errors" }).waitFor();
      await save("Errors <b>only</b>", false);
      await panel.getByText("Saved “Errors").waitFor();
      await items.filter({ hasText: "Errors" }).getByRole("button", { name: /^Rename/ }).click();
      await panel.locator("li form input").fill("Infos");
      await page.keyboard.press("Enter");
      await items.filter({ hasText: "Infos" }).waitFor();
      await items.filter({ hasText: "Six hours" }).getByRole("button", { name: /^Delete/ }).click();
      await items.filter({ hasText: "Six hours" }).getByRole("button", { name: "Delete?" }).click();
      await items.filter({ hasText: "Six hours" }).waitFor({ state: "detached" });
      await eventually(async () => assert.equal(await items.count(), 1));
      await open(selector);
      await openMenu();
      await items.filter({ hasText: "Infos" }).locator(".saved-open").click();
      await eventually(() => assert.equal(params().get("q"), `${selector} |= "info"`));
    }),
    step("what somebody else changed meanwhile is not overwritten unseen", async () => {
      await open(selector);
      await openMenu();
      await items.filter({ hasText: "Infos" }).waitFor();
      const { objects } = await (await fetch(`${serverUrl}/api/v1/saved/query`)).json();
      const theirs = await fetch(`${serverUrl}/api/v1/saved/query/${objects[0].id}?name=Infos&version=${objects[0].version}`, {
        method: "PUT",
        body: '{"query":"{a=\\"theirs\\"}"}',
      });
      assert.equal(theirs.status, 200);
      await save("Infos", false);
      await panel.getByRole("alert").filter({ hasText: "Somebody changed it" }).waitFor();
      await items.filter({ hasText: "Infos" }).locator(".saved-open").click();
      await eventually(() => assert.equal(params().get("q"), '{a="theirs"}'));
    }),
    step("links move on with the time, or stay", async () => {
      await open(selector);
      await openMenu();
      const copied = () => page.evaluate(() => navigator.clipboard.readText());
      await panel.getByRole("button", { name: "Copy link", exact: true }).click();
      await eventually(async () => assert.match(await copied(), /from=now-1h&to=now/));
      await panel.getByRole("button", { name: "Copy link to these times" }).click();
      await eventually(async () => assert.match(await copied(), /from=20\d\d-.*to=20\d\d-/));
    }),
    step("the query becomes a panel of a dashboard, new or there already", async () => {
      const board = { format: "bole dashboard 1", title: "There", panels: [] };
      await fetch(`${serverUrl}/api/v1/saved/dashboard/there?name=There`, { method: "PUT", body: JSON.stringify(board) });
      await open(`sum by (job) (count_over_time(${selector}[1m]))`);
      await openMenu();
      await panel.getByRole("button", { name: "Add as a panel" }).click();
      await page.getByRole("region", { name: "Time series" }).locator("canvas").waitFor();
      await page.getByText("Not saved yet").waitFor();
      await page.getByRole("button", { name: "Discard" }).click();
      await open(`${selector} |= "error"`);
      await openMenu();
      await panel.getByLabel("Dashboard", { exact: true }).selectOption("There");
      await panel.getByRole("button", { name: "Add as a panel" }).click();
      await page.getByRole("region", { name: "Log lines" }).locator("li").first().waitFor();
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await page.getByRole("button", { name: "Edit", exact: true }).waitFor();
      const { body } = await (await fetch(`${serverUrl}/api/v1/saved/dashboard/there`)).json();
      assert.deepEqual(body.panels.map(({ kind, query }) => [kind, query]), [["logs", `${selector} |= "error"`]]);
    }),
    step("on a phone the panel stays in the window", async () => {
      await open(selector);
      await openMenu();
      await page.setViewportSize({ width: 390, height: 780 });
      await page.emulateMedia({ colorScheme: "dark" });
      await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
      await eventually(async () => {
        const box = await panel.boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
      });
      await eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
      await picture(page, "saved-phone");
    }),
    step("nothing was reported to the browser's console", () => {
      assert.deepEqual(problems.filter((text) => !/status of 409/.test(text)), []);
    }),
  ],
  close,
);
