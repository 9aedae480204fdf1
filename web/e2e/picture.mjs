/*
 * picture.mjs - takes the README's picture: real sample logs of the last hour in the explorer.
 *
 *   BOLE_URL=http://127.0.0.1:3100 node e2e/picture.mjs ../docs/images/explore.png
 *
 * Expects an empty server. Lines come from bench/samples, spread over the last hour.
 */
import { execFileSync } from "node:child_process";
import { openBrowser, serverUrl } from "./harness.mjs";

const SAMPLES = [
  { service: "sshd", host: "gate-1", file: "sshd" },
  { service: "kafka", host: "broker-3", file: "kafka" },
  { service: "web", host: "front-2", file: "access" },
];
const HOUR_MS = 3_600_000;
const LINES = 3_000;
const PUSH = 500;

const sample = (file) =>
  execFileSync("zstd", ["-dc", `../bench/samples/${file}.log.zst`], { encoding: "utf8", maxBuffer: 1 << 26 }).split("\n").filter(Boolean);

for (const { service, host, file } of SAMPLES) {
  const lines = sample(file).slice(0, LINES);
  const start = Date.now() - HOUR_MS;
  /* A slow wave, so that the histogram looks like traffic. */
  const at = (i) => start + Math.round(HOUR_MS * (i / LINES + 0.03 * Math.sin((i / LINES) * 25)) * 0.95);
  for (let from = 0; from < lines.length; from += PUSH) {
    const values = lines.slice(from, from + PUSH).map((line, i) => [`${at(from + i)}000000`, line]);
    const body = JSON.stringify({ streams: [{ stream: { service_name: service, host }, values }] });
    const answer = await fetch(`${serverUrl}/loki/api/v1/push`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
    });
    if (answer.status !== 204) throw new Error(`push: ${answer.status} ${await answer.text()}`);
  }
}

const { page, close } = await openBrowser();
await page.goto(`${serverUrl}/#/explore?q=${encodeURIComponent('{service_name=~".+"}')}&from=now-1h&to=now`);
await page.locator("[role=row]").nth(8).waitFor();
await page.keyboard.press("s");
await page.locator(".field-group").first().waitFor();
await page.waitForTimeout(1_500); // the histogram has drawn
await page.screenshot({ path: process.argv[2] ?? "explore.png" });
await close();
