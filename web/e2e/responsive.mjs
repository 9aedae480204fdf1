/*
 * responsive.mjs - a bench, no test: how long the page is busy at once while a large result is scrolled through, and while
 * a live tail brings thousands of lines a second. From Chromium's own trace; figures of a busy machine mean little.
 *
 *   BOLE_URL=http://127.0.0.1:3100 [E2E_ROWS=1000000] [E2E_TAIL=5000] node e2e/responsive.mjs [TRACE.json]
 *
 * Lines come from bench/samples. Wanted: no task over 50 ms, 8 ms of script per frame (95 %), a page below 300 MB.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { openBrowser, push, serverUrl } from "./harness.mjs";

const ROWS = Number(process.env.E2E_ROWS ?? 1_000_000);
const TAIL_PER_S = Number(process.env.E2E_TAIL ?? 5_000);
const SECONDS = 20;
const ONLY = process.env.E2E_ONLY?.split(",");
const BATCH = 10_000;
const HOUR_MS = 3_600_000;
const SAMPLES = ["access", "kafka", "sshd"];
/* Some three windows of lines a second, as somebody who holds the wheel. */
const WHEEL_PX = 120;
const WHEEL_MS = 16;
/* With a file for the trace, profiles of the program, too. */
const CATEGORIES = ["devtools.timeline", "disabled-by-default-devtools.timeline", ...(process.argv[2] ? ["disabled-by-default-v8.cpu_profiler"] : [])];
const SCRIPT = new Set(["FunctionCall", "EvaluateScript", "TimerFire", "FireAnimationFrame", "RunMicrotasks", "EventDispatch", "v8.callFunction"]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const job = `responsive-${process.pid}`;

function sampleLines() {
  const files = SAMPLES.map((name) =>
    execFileSync("zstd", ["-dc", `../bench/samples/${name}.log.zst`], { encoding: "utf8", maxBuffer: 1 << 28 }).split("\n").filter(Boolean),
  );
  return (i) => {
    const file = files[i % files.length];
    return file[Math.floor(i / files.length) % file.length];
  };
}
const lineOf = sampleLines();

async function pushAll() {
  const stepNs = BigInt(Math.floor((2 * HOUR_MS * 1e6) / ROWS));
  const firstNs = BigInt(Date.now() - 3 * HOUR_MS) * 1_000_000n;
  for (let from = 0; from < ROWS; from += BATCH)
    await push(
      job,
      Array.from({ length: Math.min(BATCH, ROWS - from) }, (_, i) => [String(firstNs + BigInt(from + i) * stepNs), lineOf(from + i)]),
    );
}

/* The outermost events of these names, which do not overlap then. */
function outermost(events, names) {
  const found = [];
  let end = 0;
  for (const event of events)
    if (names.has(event.name) && event.ts >= end) {
      found.push(event);
      end = event.ts + event.dur;
    }
  return found;
}

/* The page's main thread. CPU time counts, not the time that passes: other programs want the machine, too. */
function mainThread(trace) {
  const threads = trace.traceEvents.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain");
  const of = (thread) => trace.traceEvents.filter((one) => one.pid === thread.pid && one.tid === thread.tid);
  const busy = (events) => events.reduce((sum, one) => sum + (one.name === "RunTask" ? (one.tdur ?? 0) : 0), 0);
  return threads.map(of).sort((a, b) => busy(b) - busy(a))[0].sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/* What the events spent themselves, without those inside of them. */
function selfTimes(events) {
  const self = new Map();
  const open = [];
  const add = (name, us) => self.set(name, (self.get(name) ?? 0) + us);
  for (const one of events) {
    while (open.length > 0 && open.at(-1).ts + open.at(-1).dur <= one.ts) open.pop();
    if (open.length > 0) add(open.at(-1).name, -one.tdur);
    add(one.name, one.tdur);
    open.push(one);
  }
  return [...self].sort((a, b) => b[1] - a[1]);
}

function tell(name, trace) {
  const all = mainThread(trace);
  const frames = all.filter((one) => one.name === "AnimationFrame" && one.ph === "b").map((one) => one.ts);
  const events = all.filter((one) => one.ph === "X" && one.tdur !== undefined);
  const own = (task) => events.filter((one) => one !== task && one.ts >= task.ts && one.ts + one.dur <= task.ts + task.dur);
  /* The trace's own beginning is no work of the page. */
  const tasks = events.filter((one) => one.name === "RunTask" && !(one.tdur > 16_000 && own(one).some((inner) => inner.name.startsWith("CpuProfiler"))));
  const script = frames.map(() => 0);
  let frame = 0;
  for (const { ts, tdur } of outermost(events, SCRIPT)) {
    while (frame + 1 < frames.length && frames[frame + 1] <= ts) frame++;
    if (script.length > 0) script[frame] += tdur / 1_000;
  }
  const ms = (us) => (us / 1_000).toFixed(1);
  const over = (limit) => tasks.filter((one) => one.tdur > limit * 1_000).length;
  const longest = tasks.sort((a, b) => b.tdur - a.tdur);
  console.log(`# ${name}: ${frames.length} frames, script per frame ${[0.5, 0.95, 1].map((share) => quantile(script, share).toFixed(1)).join(" / ")} ms of CPU (50 %, 95 %, most)`);
  console.log(`# ${name}: longest task ${ms(longest[0].tdur)} ms of CPU, ${over(50)} over 50 ms, ${over(16)} over 16 ms; all ${ms(tasks.reduce((sum, one) => sum + one.tdur, 0))} ms`);
  for (const task of longest.slice(0, 4))
    console.log(`#   ${ms(task.tdur)} ms: ${selfTimes(own(task)).slice(0, 7).map(([part, us]) => `${part} ${ms(us)}`).join(", ")}`);
}

/* The renderer's own memory, as the system counts it, and the heap of the page's program. */
async function tellMemory(name) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("HeapProfiler.collectGarbage");
  await cdp.send("Performance.enable");
  const { metrics } = await cdp.send("Performance.getMetrics");
  const heap = metrics.find((one) => one.name === "JSHeapUsedSize").value;
  const root = await page.context().browser().newBrowserCDPSession();
  const { processInfo } = await root.send("SystemInfo.getProcessInfo");
  const renderers = processInfo.filter((one) => one.type === "renderer").map(({ id }) => {
    try {
      return Number(/^Pss_Anon:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024;
    } catch {
      return 0; // ended meanwhile
    }
  });
  console.log(`# ${name}: heap ${(heap / 1e6).toFixed(0)} MB, renderer ${Math.max(...renderers).toFixed(0)} MiB of its own`);
}

async function traced(name, run) {
  if (ONLY && !ONLY.includes(name)) return run();
  const browser = page.context().browser();
  await browser.startTracing(page, { categories: CATEGORIES });
  await run();
  const buffer = await browser.stopTracing();
  if (process.argv[2]) writeFileSync(process.argv[2].replace(/(\.json)?$/, `-${name}.json`), buffer);
  tell(name, JSON.parse(buffer.toString()));
  await tellMemory(name);
}

const { page, close } = await openBrowser();
if (ROWS > 0) {
  await pushAll();
  await page.goto(`${serverUrl}/#/explore?${new URLSearchParams({ q: `{job="${job}"}`, from: "now-6h", to: "now", tz: "utc", wrap: "0", order: "newest" })}`);
  await page.locator(".row").first().waitFor();
  await page.waitForFunction(() => !document.querySelector(".progress"));
  const scroll = async (px, seconds) => {
    const box = await page.locator(".row-list").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (const end = performance.now() + seconds * 1_000; performance.now() < end; ) {
      await page.mouse.wheel(0, px);
      await sleep(WHEEL_MS);
    }
  };
  await traced("scroll", () => scroll(WHEEL_PX, SECONDS));
  await traced("fling", () => scroll(WHEEL_PX * 25, SECONDS));
  console.log(`# ${await page.locator(".statistics").innerText()}`.replaceAll("\n", " "));
  await traced("back", () => scroll(-WHEEL_PX * 25, SECONDS / 2));
}
if (TAIL_PER_S > 0) {
  await page.goto("about:blank");
  await page.goto(`${serverUrl}/#/tail?${new URLSearchParams({ q: `{job="${job}-tail"}`, tz: "utc", wrap: "0" })}`);
  await page.locator(".tail-live").waitFor();
  await page.getByLabel("Speed limit").selectOption(await page.getByLabel("Speed limit").locator("option").last().getAttribute("value"));
  let sent = 0;
  await traced("tail", async () => {
    const start = performance.now();
    while (performance.now() - start < SECONDS * 1_000) {
      const due = Math.floor(((performance.now() - start) / 1_000) * TAIL_PER_S) - sent;
      if (due > 0) await push(`${job}-tail`, Array.from({ length: due }, (_, i) => [`${Date.now()}${String(i % 1e6).padStart(6, "0")}`, lineOf(sent + i)]));
      sent += due;
      await sleep(50);
    }
  });
  console.log(`# ${sent} lines sent; ${await page.locator(".statistics").innerText()}`.replaceAll("\n", " "));
}
await close();
