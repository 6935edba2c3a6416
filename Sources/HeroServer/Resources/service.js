// The page of one service: why it is in its state, its actions, its jobs and starts, and its live log.

import { call, stream } from "/api.js";
import { age, bytes, clock, fullName, h, link, shortName, state, table } from "/dom.js";

const maximumLines = 2000;

export async function service({ main, model, signal, parts }) {
  const name = parts.join("/");
  const title = h("h2", null, shortName(name));
  const summary = h("div", { class: "panel", "aria-live": "polite" });
  const actions = h("div");
  const jobs = h("div");
  const { element, begin } = logView(name, signal);
  main.replaceChildren(title, summary, element,
    h("div", { class: "columns" }, h("section", null, h("h3", null, "Actions"), actions), h("section", null, h("h3", null, "Starts and exits"), jobs)));

  let signature = "";
  async function update() {
    const found = model.status?.services.find((entry) => fullName(entry) === name);
    const next = JSON.stringify([found, model.usage.get(name)?.processes]);
    if (next === signature) return showUsage(found);
    signature = next;
    const why = await call("service.why", { name });
    if (signal.aborted) return;
    summary.classList.toggle("bad", found?.state === "failed");
    summary.classList.toggle("warn", ["backing_off", "blocked", "degraded"].includes(found?.state));
    summary.replaceChildren(h("p", null, state(why.state), " ", h("strong", null, why.answer)),
      h("ul", null, why.findings.map((finding) => h("li", null, h("span", { class: "dim" }, `${finding.topic}: `), finding.text))),
      h("p", { class: "dim" }, why.at ? h("code", null, why.at) : "no manifest declares it", " ", h("span", { id: "usage" })),
      why.requires.length ? h("p", null, "Requires ", why.requires.map((entry, index) => [index ? ", " : "", h("a", { href: link(entry.service) }, shortName(entry.service))])) : "");
    showUsage(found);
    actions.replaceChildren(table(["Action", "Phase", "PID", "Ready", "Restarts", "Exit code"], (found?.actions ?? []).map((action) => [
      action.name, state(action.phase), action.pid ?? "", action.ready ? "yes" : "no", action.restart_count, action.exit_code ?? ""]), "It has no actions."));
    await showJobs();
  }

  function showUsage(found) {
    const usage = model.usage.get(name);
    const text = [found?.state === "running" ? `up ${age(found.since)}` : "", usage?.cpu == null ? "" : `CPU ${usage.cpu.toFixed(1)} %`,
      usage?.processes ? `memory ${bytes(usage.memory_bytes)}` : "", usage ? `${usage.processes} processes` : ""].filter(Boolean).join(" · ");
    const place = summary.querySelector("#usage");
    if (place) place.textContent = text;
  }

  async function showJobs() {
    const list = (await call("job.list", { service_id: name, limit: 10 })).jobs;
    const details = await Promise.all(list.slice(0, 4).map((job) => call("job.get", { id: job.id }).catch(() => ({ jobs: [job] }))));
    if (signal.aborted) return;
    const rows = details.flatMap((document) => document.jobs).flatMap((job) => (job.starts?.length ? [...job.starts].reverse().slice(0, 8) : [null]).map((start) => [
      `${job.action_id} #${job.id}`, start ? clock(start.started_at) : clock(job.created_at),
      start ? start.outcome ?? "running" : state(job.phase)]));
    jobs.replaceChildren(table(["Job", "Started", "End"], rows, "It has never run."));
  }

  model.subscribers.add(() => update().catch(() => {}));
  begin();
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
    const row = h("div", { class: line.stream ?? "", title: line.time ?? "" });
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
