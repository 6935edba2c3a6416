// The page of one service: why it is in its state, its live log, its actions, processes, starts and exits.

import { call, stream } from "/api.js";
import { age, bytes, clock, fullName, h, link, place, rich, shortName, spark, state, table } from "/dom.js";

const maximumLines = 2000;

export async function service({ main, model, signal, parts }) {
  const name = parts.join("/");
  const tiles = h("dl", { class: "tiles" });
  const answer = h("p", { "aria-live": "polite" });
  const facts = h("dl", { class: "facts" });
  const summary = h("div", { class: "panel" }, answer, facts);
  const [actions, processes, jobs] = [h("div"), h("div"), h("div")];
  const section = (title, content) => h("section", null, h("h3", null, title), content);
  const { element, begin } = logView(name, signal);
  main.replaceChildren(h("h2", null, shortName(name)), tiles, summary, element, h("div", { class: "columns" },
    section("Actions", actions), section("Starts and exits", jobs)), section("Processes", processes));

  let signature = "";
  let history = null;
  async function update() {
    const found = model.status?.services.find((entry) => fullName(entry) === name);
    showTiles(found);
    const next = JSON.stringify([found, model.usage.get(name)?.processes]);
    if (next === signature) return;
    signature = next;
    const why = await call("service.why", { name });
    if (signal.aborted) return;
    summary.classList.toggle("bad", found?.state === "failed");
    summary.classList.toggle("warn", ["backing_off", "blocked", "degraded"].includes(found?.state));
    answer.replaceChildren(h("strong", null, rich(why.answer)));
    // What it requires has links, so the findings need not repeat the names that are fine.
    facts.replaceChildren(...why.findings.flatMap((finding) => [h("dt", null, finding.topic), h("dd", null, rich(finding.text))]),
      h("dt", null, "manifest"), h("dd", null, why.at ? h("code", null, place(why.at)) : "no manifest declares it"),
      ...(why.requires.length ? [h("dt", null, "see"), h("dd", null, why.requires.map((entry, index) =>
        [index ? ", " : "", h("a", { href: link(entry.service) }, shortName(entry.service))]))] : []));
    actions.replaceChildren(table(["Action", "Phase", "PID", "Ready", "Restarts", "Exit code"], (found?.actions ?? []).map((action) => [
      action.name, state(action.phase), action.pid ?? "", action.pid ? (action.ready ? "yes" : "no") : "", action.restart_count, action.exit_code ?? ""]), "It has no actions."));
    await Promise.all([showJobs(), showProcesses()]);
  }

  function showTiles(found) {
    const usage = model.usage.get(name);
    const isActive = usage && usage.processes !== 0;
    const restarts = (found?.actions ?? []).reduce((sum, action) => sum + action.restart_count, 0);
    const known = [["State", found ? state(found.state) : "not applied"],
      found?.since ? [found.state === "running" ? "Up for" : "Since", found.state === "running" ? age(found.since) : clock(found.since)] : null,
      ["Restarts", restarts],
      isActive && usage.cpu != null ? ["CPU", [`${usage.cpu.toFixed(1)} %`, spark(history?.cpu, "CPU of the last hour")]] : null,
      isActive ? ["Memory", [bytes(usage.memory_bytes) || "unknown", spark(history?.memory, "memory of the last hour")]] : null,
      isActive ? ["Open files", usage.descriptors ?? "unknown"] : null];
    tiles.replaceChildren(...known.filter(Boolean).map(([title, value]) => h("div", null, h("dt", null, title), h("dd", null, value))));
  }

  async function showProcesses() {
    const list = (await call("service.children", { name })).processes;
    if (signal.aborted) return;
    const depths = new Map();
    processes.replaceChildren(table(["PID", "Program", "Age", "CPU time", "Memory", "Threads"], list.map((process) => {
      const depth = depths.has(process.parent) ? depths.get(process.parent) + 1 : 0;
      depths.set(process.pid, depth);
      const time = process.cpu_microseconds === null ? "unknown" : `${(process.cpu_microseconds / 1e6).toFixed(1)} s`;
      return [process.pid, "\u2003".repeat(depth) + process.command, age(process.started_at), time,
        process.memory_bytes === null ? "unknown" : bytes(process.memory_bytes), process.threads ?? "unknown"];
    }), "No process is running."));
  }

  async function showJobs() {
    const list = (await call("job.list", { service_id: name, limit: 10 })).jobs;
    const details = await Promise.all(list.slice(0, 4).map((job) => call("job.get", { id: job.id }).catch(() => ({ jobs: [job] }))));
    if (signal.aborted) return;
    const rows = details.flatMap((document) => document.jobs).flatMap((job) => (job.starts?.length ? [...job.starts].reverse().slice(0, 8) : [null]).map((start) => [
      `${job.action_id} #${job.id}`, start ? clock(start.started_at) : clock(job.created_at),
      start ? start.outcome ?? state("running") : state(job.phase)]));
    jobs.replaceChildren(table(["Job", "Started", "End"], rows, "It has never run."));
  }

  async function loadHistory() {
    if (document.hidden) return;
    try {
      history = (await call("service.usage_history", { names: [name] })).services[0] ?? null;
      showTiles(model.status?.services.find((entry) => fullName(entry) === name));
    } catch { /* lines are an extra */ }
  }

  model.subscribers.add(() => update().catch(() => {}));
  const timer = setInterval(loadHistory, 15000);
  signal.addEventListener("abort", () => clearInterval(timer));
  begin();
  loadHistory();
  await update();
}

function logView(name, signal) {
  const search = h("input", { type: "search", placeholder: "Search the log (press /)", "aria-label": "Search the log", oninput: () => redraw() });
  const follow = h("button", { type: "button", "aria-pressed": "true", onclick: () => setFollowing(follow.getAttribute("aria-pressed") !== "true") }, "Follow");
  const count = h("span", { class: "dim", role: "status" });
  const log = h("div", { class: "log", tabindex: "0", role: "log", "aria-label": "Log", "aria-live": "off" });
  const lines = [];
  let waiting = [];
  let frame = 0;

  function setFollowing(on) {
    follow.setAttribute("aria-pressed", on);
    if (on) log.scrollTop = log.scrollHeight;
  }

  function matches(line) { return !search.value || line.text.toLowerCase().includes(search.value.toLowerCase()); }

  function makeLine(line) {
    const row = h("div", { class: line.stream ?? "" });
    if (line.time) row.append(h("time", { datetime: line.time, title: line.time }, new Date(line.time).toLocaleTimeString([], { hour12: false })), " ");
    const needle = search.value.toLowerCase();
    const text = line.text;
    let at = needle ? text.toLowerCase().indexOf(needle) : -1;
    if (at < 0) row.append(text || " ");
    else row.append(text.slice(0, at), h("mark", null, text.slice(at, at + needle.length)), text.slice(at + needle.length));
    return row;
  }

  function redraw() {
    const found = lines.filter(matches);
    log.replaceChildren(...found.map(makeLine));
    count.textContent = search.value ? `${found.length} of ${lines.length} lines` : `${lines.length} lines`;
    if (follow.getAttribute("aria-pressed") === "true") log.scrollTop = log.scrollHeight;
  }

  function flush() {
    frame = 0;
    lines.push(...waiting);
    const isShort = lines.length <= maximumLines;
    const added = waiting.filter(matches);
    waiting = [];
    if (!isShort) {
      lines.splice(0, lines.length - maximumLines);
      return redraw();
    }
    log.append(...added.map(makeLine));
    count.textContent = search.value ? `${log.childElementCount} of ${lines.length} lines` : `${lines.length} lines`;
    if (follow.getAttribute("aria-pressed") === "true") log.scrollTop = log.scrollHeight;
  }

  log.addEventListener("wheel", () => { if (log.scrollTop + log.clientHeight < log.scrollHeight - 40) setFollowing(false); }, { passive: true });
  const begin = () => stream(`/logs/${name}?lines=200`, signal, (line) => {
    waiting.push(line);
    if (!frame) frame = requestAnimationFrame(flush);
  }, (isOpen, code) => { if (!isOpen && code === 404) count.textContent = "It has no log yet."; });
  return { element: h("section", null, h("div", { class: "toolbar" }, h("h3", null, "Log"), search, follow, count), log), begin };
}
