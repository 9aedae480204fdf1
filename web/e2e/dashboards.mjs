/* dashboards.mjs - dashboards in a real browser: the shipped ones, and a new one from its first panel to its deletion. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessibilityViolations, eventually, openBrowser, picture, push, runSteps, serverUrl, step } from "./harness.mjs";

const MINUTE_MS = 60_000;
const LINES = 900;
const SERVICES = { api: 0.5, "auth & login": 0.3, worker: 0.2 };
const now = Date.now();
for (const [service, share] of Object.entries(SERVICES)) {
  const count = Math.round(LINES * share);
  const values = Array.from({ length: count }, (_, i) => {
    const at = now - 2 * MINUTE_MS - Math.round((i / count) ** 1.4 * 50 * MINUTE_MS);
    const level = i % 30 === 0 ? "error" : i % 12 === 0 ? "warn" : "info";
    return [`${at}${String(i).padStart(6, "0")}`, `level=${level} msg="request ${i} for user ${i % 7}" took=${(i * 13) % 400}ms`];
  });
  await push(service, values, { service_name: service });
}

const { page, close, problems } = await openBrowser();
const panel = (title) => page.getByRole("region", { name: title, exact: true });
const params = () => new URLSearchParams(new URL(page.url()).hash.split("?")[1]);
const button = (name) => page.getByRole("button", { name, exact: true });
const clean = () => eventually(async () => assert.deepEqual(await accessibilityViolations(page), []));
const place = (title) => panel(title).evaluate((box) => ["--x", "--y", "--w", "--h"].map((name) => Number(box.style.getPropertyValue(name))));

async function choose(variable, value) {
  await page.getByRole("button", { name: `Value of ${variable}` }).click();
  await page.getByRole("checkbox", { name: value, exact: true }).click();
}

async function open(board, more = {}) {
  await page.goto("about:blank");
  await page.goto(`${serverUrl}/#/dashboards?${new URLSearchParams({ from: "now-1h", to: "now", tz: "utc", ...(board && { board }), ...more })}`);
  await page.locator(board ? ".board-grid" : ".board-list").first().waitFor();
}

await runSteps(
  [
    step("the list has those that come with the program", async () => {
      await open();
      for (const name of ["Overview", "Ingestion health", "Bole itself"]) await page.getByRole("link", { name }).waitFor();
      await page.getByText("None yet").waitFor();
      await clean();
      await picture(page, "dashboards");
    }),
    step("the overview tells how much, by whom, and what", async () => {
      await page.getByRole("link", { name: "Overview" }).click();
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), String(LINES)));
      await eventually(async () => assert.match(await panel("Share of errors").innerText(), /3\.\d %/));
      await eventually(async () => assert.equal(await panel("Services").locator(".panel-stat").innerText(), "3"));
      await panel("Lines by level").locator("canvas").waitFor();
      await eventually(async () => assert.match(await panel("Lines by level").locator(".panel-legend").innerText(), /error\s*warn\s*info/));
      await eventually(async () => assert.match(await panel("Most lines").innerText(), /api\s*450\s*auth & login\s*270\s*worker\s*180/));
      await panel("Errors by service").locator("canvas").waitFor();
      await panel("Active alerts").getByText("No alert rules yet").waitFor();
      await clean();
      await picture(page, "overview");
      await panel("Latest errors").scrollIntoViewIfNeeded();
      await panel("Most frequent patterns").locator("tbody tr").first().waitFor();
      await panel("Latest errors").locator("li").first().waitFor();
      await eventually(async () => assert.match(await panel("Most frequent patterns").innerText(), /<_>/));
      await picture(page, "overview-below");
    }),
    step("a variable limits every panel, and is in the address", async () => {
      await choose("service", "auth & login");
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), "270"));
      assert.equal(params().get("var.service"), "auth & login");
      await clean();
      await picture(page, "variable");
      await page.keyboard.press("Escape");
      await page.getByLabel("Value of text").fill("request 1 ");
      await page.keyboard.press("Enter");
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), "1"));
      await page.getByLabel("Value of text").fill("nowhere to be found");
      await page.keyboard.press("Enter");
      await panel("Lines by level").getByText("No data in this range").waitFor();
      await open("overview", { "var.service": "auth & login" });
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), "270"));
      await choose("service", "worker");
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), "450"));
      assert.deepEqual(params().getAll("var.service"), ["auth & login", "worker"]);
      await page.getByRole("checkbox", { name: "All", exact: true }).check();
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), String(LINES)));
      await open("overview", { "var.service": "worker" });
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), "180"));
      await panel("Most lines").hover();
      await panel("Most lines").getByRole("link", { name: /Explore/ }).click();
      await eventually(() => assert.match(params().get("q"), /service_name=~"worker"/));
      await page.locator(".metric-table").waitFor();
    }),
    step("both themes, and a phone", async () => {
      await page.emulateMedia({ colorScheme: "dark" });
      await open("overview");
      await panel("Lines by level").locator("canvas").waitFor();
      await panel("Most lines").locator("li").first().waitFor();
      await eventually(async () => assert.equal(await panel("Lines").locator(".panel-stat").innerText(), String(LINES)));
      await clean();
      await picture(page, "overview-dark");
      await page.setViewportSize({ width: 390, height: 800 });
      await eventually(async () => {
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 390, `nothing is wider than the window: ${width}`);
      });
      await clean();
      await picture(page, "overview-phone");
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.emulateMedia({ colorScheme: "light" });
    }),
    step("a new dashboard, from its first panel", async () => {
      await open();
      await button("New dashboard").click();
      await button("Add panel").click();
      await page.getByRole("textbox", { name: "Title" }).fill("Worst users");
      await page.getByRole("combobox", { name: "Kind" }).first().selectOption("bars");
      await page.locator(".editor-dialog .cm-content").fill('topk(3, sum by (service_name) (count_over_time({service_name=~".+"} [$__range])))');
      const preview = page.getByRole("region", { name: "Preview" });
      await eventually(async () => assert.match(await preview.innerText(), /Worst users[^]*api\s*450[^]*auth & login\s*270/));
      await page.locator(".editor-dialog .cm-content").fill("sum(");
      await preview.getByRole("alert").filter({ hasText: "parse error" }).waitFor();
      await page.locator(".editor-dialog .cm-content").fill('topk(3, sum by (service_name) (count_over_time({service_name=~".+"} [$__range])))');
      await preview.locator("li").first().waitFor();
      await clean();
      await picture(page, "panel-editor");
      await button("Done").click();
      await preview.waitFor({ state: "detached" });
      await panel("Worst users").locator("li").first().waitFor();
      await button("Add panel").click();
      await page.getByRole("textbox", { name: "Title" }).fill("Map");
      await page.getByRole("combobox", { name: "Kind" }).first().selectOption("heat");
      await page.locator(".editor-dialog .cm-content").fill('sum by (service_name) (count_over_time({service_name=~".+"} [$__step]))');
      await button("Done").click();
      await panel("Map").locator("canvas").waitFor();
      await button("Title and variables").click();
      await page.getByRole("textbox", { name: "Title" }).fill("Mine");
      await button("Add variable").click();
      await clean();
      await button("Done").click();
      await page.getByRole("heading", { name: "Mine" }).waitFor();
      await page.getByRole("button", { name: "Value of v1" }).waitFor();
    }),
    step("panels are moved and resized by keys", async () => {
      await page.getByRole("button", { name: /^Move Map/ }).focus();
      await page.keyboard.press("ArrowUp");
      await eventually(async () => assert.deepEqual(await place("Map"), [1, 1, 6, 5]));
      assert.deepEqual(await place("Worst users"), [1, 6, 6, 5]);
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("Shift+ArrowRight");
      await page.keyboard.press("Shift+ArrowDown");
      await eventually(async () => assert.deepEqual(await place("Map"), [2, 1, 7, 6]));
    }),
    step("and by the pointer", async () => {
      const handle = page.getByRole("button", { name: /^Move Worst users/ });
      await handle.scrollIntoViewIfNeeded();
      const from = await handle.boundingBox();
      await page.mouse.move(from.x + 5, from.y + 5);
      await page.mouse.down();
      await page.mouse.move(from.x + 300, from.y - 150, { steps: 4 });
      await page.mouse.move(from.x + 5, from.y - 270, { steps: 4 });
      await page.mouse.up();
      await eventually(async () => assert.deepEqual(await place("Worst users"), [1, 1, 6, 5]));
      const corner = await panel("Worst users").locator(".panel-corner").boundingBox();
      await page.mouse.move(corner.x + 9, corner.y + 9);
      await page.mouse.down();
      await page.mouse.move(corner.x - 110, corner.y - 40, { steps: 4 });
      await page.mouse.up();
      await eventually(async () => assert.deepEqual(await place("Worst users"), [1, 1, 5, 4]));
      await clean();
      await picture(page, "dashboard-edit");
    }),
    step("saved, it is there for others; exported and imported, it is the same", async () => {
      await button("Save").click();
      await button("Edit").waitFor();
      const map = await place("Map");
      await page.evaluate(() => localStorage.clear());
      await open();
      await page.getByRole("link", { name: "Mine" }).click();
      await panel("Map").locator("canvas").waitFor();
      assert.deepEqual(await place("Map"), map);
      const download = page.waitForEvent("download");
      await button("Export").click();
      const file = await (await download).path();
      const exported = JSON.parse(await readFile(file, "utf8"));
      assert.deepEqual(exported.panels.map(({ title, kind }) => [title, kind]), [["Worst users", "bars"], ["Map", "heat"]]);
      await open();
      await page.getByLabel("Import", { exact: true }).and(page.locator("input")).setInputFiles(file);
      await panel("Map").locator("canvas").waitFor();
      await open();
      await eventually(async () => assert.equal(await page.getByRole("link", { name: "Mine" }).count(), 2));
      await page.locator('input[type="file"]').setInputFiles({ name: "x.json", mimeType: "application/json", buffer: Buffer.from('{"panels":[]}') });
      await page.getByRole("alert").filter({ hasText: "This is no dashboard: format" }).waitFor();
    }),
    step("a change of somebody else is not overwritten unseen; a shipped one is saved as a copy", async () => {
      await page.getByRole("link", { name: "Mine" }).first().click();
      await panel("Map").locator("canvas").waitFor();
      await page.keyboard.press("i");
      await page.getByRole("button", { name: "Remove Map" }).click();
      const id = params().get("board");
      const path = `${serverUrl}/api/v1/saved/dashboard/${id}`;
      const { version, body } = await (await fetch(path)).json();
      assert.equal((await fetch(`${path}?name=Theirs&version=${version}`, { method: "PUT", body: JSON.stringify(body) })).status, 200);
      await button("Save").click();
      await page.getByRole("alert").filter({ hasText: "Somebody saved this dashboard" }).waitFor();
      await button("Save as a copy").click();
      await page.getByRole("heading", { name: "Mine (copy)" }).waitFor();
      assert.notEqual(params().get("board"), id);
      await open("overview");
      await button("Edit").click();
      await button("Save as a copy").click();
      await page.getByRole("heading", { name: "Overview (copy)" }).waitFor();
    }),
    step("a deletion asks first, and says when it failed", async () => {
      await page.route("**/api/v1/saved/dashboard/*", (route) =>
        route.request().method() === "DELETE" ? route.fulfill({ status: 503, body: "no room on the disk" }) : route.fallback(),
      );
      await button("Delete").click();
      await button("Delete it?").click();
      await page.getByRole("alert").filter({ hasText: "It was not deleted: no room on the disk" }).waitFor();
      await page.getByRole("heading", { name: "Overview (copy)" }).waitFor();
      await page.unroute("**/api/v1/saved/dashboard/*");
      await button("Delete").click();
      await button("Delete it?").click();
      await page.locator(".board-list").first().waitFor();
      await eventually(async () => assert.equal(await page.getByRole("link", { name: "Overview (copy)" }).count(), 0));
      await page.getByRole("link", { name: "Mine (copy)" }).waitFor();
    }),
    step("figures of the server are live", async () => {
      await open("bole");
      await panel("Memory of the process").getByText(/MiB/).waitFor();
      await panel("HTTP requests per second").locator("svg.panel-trend").waitFor();
      await clean();
      await picture(page, "bole-itself");
      await open("ingestion");
      await panel("Lines by service").locator("canvas").waitFor();
      await panel("Dead letters").getByText("0", { exact: true }).waitFor();
      await panel("Records per second").getByText("/s").waitFor();
      await clean();
      await picture(page, "ingestion");
    }),
    step("a broken query fails in its own panel", async () => {
      const body = { format: "bole dashboard 1", title: "Broken", panels: [
        { title: "Bad", kind: "stat", query: "sum(", at: { x: 0, y: 0, w: 4, h: 3 } },
        { title: "Good", kind: "stat", query: 'sum(count_over_time({service_name="api"} [$__range]))', at: { x: 4, y: 0, w: 4, h: 3 } },
        { title: "Equal", kind: "stat", query: 'sum(count_over_time({service_name="$s"} [$__range]))', at: { x: 8, y: 0, w: 4, h: 3 } },
        { title: "One", kind: "stat", query: 'sum(count_over_time({service_name="api"} | line_format "$s" [$__range]))', at: { x: 0, y: 3, w: 4, h: 3 } },
      ], variables: [{ name: "s", kind: "label", source: "service_name" }] };
      await fetch(`${serverUrl}/api/v1/saved/dashboard/broken?name=Broken`, { method: "PUT", body: JSON.stringify(body) });
      await open("broken");
      await panel("Bad").getByRole("alert").filter({ hasText: "parse error" }).waitFor();
      await eventually(async () => assert.equal(await panel("Good").locator(".panel-stat").innerText(), "450"));
      await eventually(async () => assert.equal(await panel("Equal").locator(".panel-stat").innerText(), String(LINES)));
      await panel("One").getByRole("alert").filter({ hasText: "$s has several values here" }).waitFor();
      await clean();
    }),
    step("nothing was reported to the browser's console", () => {
      assert.deepEqual(problems.filter((text) => !/status of (409|503)/.test(text)), []);
    }),
  ],
  close,
);
