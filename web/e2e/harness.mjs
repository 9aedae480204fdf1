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
const STEP_TIMEOUT_MS = 10_000;

export async function push(job, values) {
  const response = await fetch(`${serverUrl}/loki/api/v1/push`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ streams: [{ stream: { job }, values }] }),
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
  page.setDefaultTimeout(STEP_TIMEOUT_MS);
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
