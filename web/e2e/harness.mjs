/* harness.mjs - starts the browser, talks to the server, runs steps and prints one summary line. */
import axe from "axe-core";
import { chromium } from "playwright-core";

export const serverUrl = (process.env.BOLE_URL ?? "http://127.0.0.1:3100").replace(/\/$/, "");
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/* Machines that run tests are slow and shared: only what never comes takes this long. */
const PATIENCE_MS = 90_000;
const LOOK_AGAIN_MS = 50;
/* E2E_SLOW=6 makes the browser six times slower, and answers late by chance: nothing may be looked at before it is there. */
const SLOW = Number(process.env.E2E_SLOW ?? 1);
const ANSWER_DELAY_MS = 300;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/* What the page shows comes by and by: runs `check` until it holds, and throws what it threw last when patience ends. */
export async function eventually(check, patienceMs = PATIENCE_MS) {
  const end = performance.now() + patienceMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

export async function push(job, values, labels = {}) {
  const response = await fetch(`${serverUrl}/loki/api/v1/push`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ streams: [{ stream: { job, ...labels }, values }] }),
  });
  if (response.status !== 204) throw new Error(`push: ${response.status} ${await response.text()}`);
}

export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: "light",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  if (SLOW > 1) {
    await (await context.newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate: SLOW });
    await page.route("**/*", async (route) => {
      await sleep(Math.random() * SLOW * ANSWER_DELAY_MS);
      await route.continue().catch(() => {}); // given up meanwhile
    });
  }
  const problems = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (message) => {
    /* The browser reports every answer with status 400; a broken query is part of the test. */
    const expected = /status of 400/.test(message.text());
    if (message.type() === "error" && !expected) problems.push(`console: ${message.text()}`);
  });
  return { page, problems, close: () => browser.close() };
}

/* What axe finds wrong on the page as it is now, as one line each. */
export async function accessibilityViolations(page) {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 120)}`));
  });
}

/* For people to look at, where E2E_SCREENSHOTS names a folder. */
export async function picture(page, name) {
  if (process.env.E2E_SCREENSHOTS) await page.screenshot({ path: `${process.env.E2E_SCREENSHOTS}/${name}.png` });
}

export const step = (name, run) => ({ name, run });

/* Steps build on each other: the first failure ends the run. */
export async function runSteps(steps, close) {
  let passed = 0;
  let failure;
  for (const { name, run } of steps) {
    const started = performance.now();
    try {
      await run();
    } catch (error) {
      failure = error;
      console.log(`not ok ${passed + 1} - ${name}`);
      console.log(String(error?.stack ?? error));
      break;
    }
    passed++;
    console.log(`ok ${passed} - ${name} (${Math.round(performance.now() - started)} ms)`);
  }
  await close();
  console.log(`e2e: ${passed} passed, ${failure ? 1 : 0} failed, ${steps.length - passed - (failure ? 1 : 0)} not run`);
  process.exitCode = failure ? 1 : 0;
}
