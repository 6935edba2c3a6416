// The list of services: what is wrong comes first, then a list that only has rows for what is visible.

import { call } from "/api.js";
import { age, bytes, clock, counted, fullName, h, isWanted, link, rich, shortName, spark, state, table, words } from "/dom.js";

const rowHeight = 40;
const headHeight = 34;
const filter = { text: "", state: "" };
const columns = ["Name", "State", "Detail", "Uptime", "Restarts", "CPU", "Memory"];
const columnClasses = ["", "", "dim", "number", "number", "usage", "usage"];

/** Why a service is in its state, as far as the status tells it, in a few words. */
export function detail(service, now = Date.now()) {
  if (service.blocked_by.length) return `waits for ${service.blocked_by.map(shortName).join(", ")}`;
  const parts = [];
  for (const action of service.actions) {
    if (action.exit_code && action.phase !== "running") parts.push(`exit code ${action.exit_code}`);
    if (action.next_retry_at) parts.push(`retry in ${Math.max(0, Math.ceil((Date.parse(action.next_retry_at) - now) / 1000))}s`);
    if (action.healthy === false) parts.push("unhealthy");
    if (action.reload_failed) parts.push(`reload failed: ${action.reload_failed}`);
    if (action.reloading) parts.push("reloading");
    if (action.status_text) parts.push(action.status_text);
  }
  if (service.wanted === null) parts.push("not declared any more");
  else if (service.wanted === "ignore") parts.push("ignored");
  return parts.join(" · ");
}

export function services({ main, model, signal }) {
  const problems = h("section", { "aria-label": "Problems", "aria-live": "polite" });
  const search = h("input", { type: "search", placeholder: "Search (press /)", "aria-label": "Search services", value: filter.text,
    oninput: () => { filter.text = search.value.trim().toLowerCase(); update(); } });
  const chips = h("div", { class: "chips", role: "group", "aria-label": "Filter by state" });
  const count = h("span", { class: "hidden", role: "status" });
  const spacer = h("div", { class: "spacer", role: "rowgroup" });
  const list = h("div", { class: "list", role: "table", "aria-label": "Services", tabindex: "-1" },
    h("div", { class: "row head", role: "row" }, columns.map((text, index) =>
      h("span", { role: "columnheader", class: columnClasses[index] }, text))), spacer);
  const standalone = h("section");
  main.replaceChildren(problems, h("div", { class: "toolbar" }, search, chips, count), list, standalone);

  let shown = [];
  const rows = new Map();
  const history = new Map();
  let explained = "";
  let tally = "";
  let listed = "";

  function matches(service) {
    if (filter.state === "problems" ? isWanted(service) : filter.state && service.state !== filter.state) return false;
    return !filter.text || fullName(service).toLowerCase().includes(filter.text);
  }

  function update() {
    if (!model.status) return;
    shown = model.status.services.filter(matches);
    list.setAttribute("aria-rowcount", shown.length + 1);
    const total = model.status.services.length;
    count.textContent = shown.length === total ? counted(total, "service") : `${shown.length} of ${counted(total, "service")}`;
    spacer.style.height = `${Math.max(2, shown.length) * rowHeight}px`;
    showChips();
    showProblems();
    showStandalone();
    render();
  }

  /** One button per state that occurs, with the number of its services. */
  function showChips() {
    const numbers = new Map([["", model.status.services.length], ["problems", 0]]);
    for (const service of model.status.services) {
      if (!isWanted(service)) numbers.set("problems", numbers.get("problems") + 1);
      numbers.set(service.state, (numbers.get(service.state) ?? 0) + 1);
    }
    if (filter.state && !numbers.has(filter.state)) numbers.set(filter.state, 0);
    const signature = JSON.stringify([[...numbers], filter.state]);
    if (signature === tally) return;
    tally = signature;
    const focused = document.activeElement?.dataset?.state;
    chips.replaceChildren(...[...numbers].filter(([name, number]) => name !== "problems" || number || filter.state === name).map(([name, number]) =>
      h("button", { type: "button", "aria-pressed": String(name === filter.state), "data-state": name,
        onclick: () => { filter.state = filter.state === name ? "" : name; update(); } }, `${number} ${name ? words(name) : "all"}`)));
    if (focused !== undefined) [...chips.children].find((chip) => chip.dataset.state === focused)?.focus();
  }

  function render() {
    const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 5);
    const last = Math.min(shown.length, first + Math.ceil((list.clientHeight || 600) / rowHeight) + 10);
    const visible = new Set();
    for (let index = first; index < last; index++) {
      const service = shown[index];
      const name = fullName(service);
      visible.add(name);
      let row = rows.get(name);
      if (!row) {
        row = makeRow(name);
        rows.set(name, row);
        spacer.append(row.element);
      }
      row.element.style.top = `${index * rowHeight}px`;
      row.element.dataset.index = index;
      row.element.setAttribute("aria-rowindex", index + 2);
      fillRow(row, service, name);
    }
    for (const [name, row] of rows) {
      if (!visible.has(name) && document.activeElement !== row.element) { row.element.remove(); rows.delete(name); }
    }
    spacer.querySelector(".empty")?.remove();
    if (!shown.length) {
      const text = model.status.services.length ? "No service matches." : "Nothing was applied yet: `heroproc apply` starts what the manifests declare.";
      spacer.append(h("p", { class: "empty" }, rich(text)));
    }
  }

  function makeRow(name) {
    const cells = columns.map((_, index) => h("span", { role: "cell", class: columnClasses[index] }));
    cells[0].textContent = shortName(name);
    return { element: h("a", { class: "row item", role: "row", href: link(name) }, cells), cells, text: "" };
  }

  function fillRow(row, service, name) {
    const usage = model.usage.get(name);
    const isActive = usage && usage.processes !== 0;
    const restarts = service.actions.reduce((sum, action) => sum + action.restart_count, 0);
    const texts = [service.state, detail(service), service.state === "running" ? age(service.since) : "", restarts || "",
      !isActive || usage.cpu == null ? "" : `${usage.cpu.toFixed(1)} %`, isActive ? bytes(usage.memory_bytes) : ""];
    const lines = isActive ? history.get(name) : null;
    const text = texts.join("\n") + (lines?.at ?? 0);
    if (row.text === text) return;
    row.text = text;
    row.cells[1].replaceChildren(state(service.state));
    row.cells[2].textContent = row.cells[2].title = texts[1];
    row.cells[3].textContent = texts[2];
    row.cells[4].textContent = texts[3];
    row.cells[5].replaceChildren(spark(lines?.cpu, "CPU of the last hour") ?? "", texts[4]);
    row.cells[6].replaceChildren(spark(lines?.memory, "memory of the last hour") ?? "", texts[5]);
  }

  async function showProblems() {
    const wrong = model.status.services.filter((service) => !isWanted(service));
    const refused = model.status.refused;
    const signature = JSON.stringify([wrong.map((service) => [fullName(service), service.state, detail(service, 0)]), refused, model.status.reconciler.alive]);
    if (signature === explained) return;
    explained = signature;
    const known = [];
    if (refused) known.push(h("li", null, "The last change of the services directory was refused: ", rich(refused.text)));
    if (!model.status.reconciler.alive) known.push(h("li", null, "No reconciler is running: nothing restarts what ends."));
    for (const service of wrong.slice(0, 8)) {
      const name = fullName(service);
      let answer = `${name} is ${words(service.state)}`;
      try { answer = (await call("service.why", { name })).answer; } catch { /* the state must do */ }
      const text = answer.startsWith(name) ? answer.slice(name.length) : `: ${answer}`;
      known.push(h("li", null, h("a", { href: link(name) }, shortName(name)), rich(text)));
    }
    if (signal.aborted || signature !== explained) return;
    if (wrong.length > 8) known.push(h("li", null, `and ${wrong.length - 8} more`));
    const title = wrong.length === 1 ? "1 service is not as wanted" : `${wrong.length} services are not as wanted`;
    problems.replaceChildren(known.length
      ? h("div", { class: "panel bad" }, wrong.length ? h("strong", null, title) : null, h("ul", null, known))
      : h("div", { class: "panel good" }, "✓ Everything is as wanted."));
  }

  function showStandalone() {
    const actions = model.status.standalone;
    const signature = JSON.stringify(actions);
    if (signature === listed) return;
    listed = signature;
    standalone.replaceChildren(...(actions.length ? [h("h3", null, "Standalone actions"),
      table(["Name", "Last run", "Exit code", "Next run"], actions.map((action) => [shortName(fullName(action)),
        action.phase ? state(action.phase) : h("span", { class: "dim" }, "none yet"), action.exit_code ?? "",
        action.next_run_at ? clock(action.next_run_at) : action.paused ? "paused by down" : ""]), "")] : []));
  }

  async function loadHistory() {
    const names = [...rows.keys()];
    if (!names.length || document.hidden) return;
    try {
      const at = Date.now();
      for (const entry of (await call("service.usage_history", { names })).services) history.set(fullName(entry), { ...entry, at });
      render();
    } catch { /* lines are an extra */ }
  }

  list.addEventListener("scroll", render, { passive: true });
  list.addEventListener("keydown", (event) => {
    const index = Number(document.activeElement?.dataset?.index);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e9, End: 1e9 }[event.key];
    if (!step || Number.isNaN(index)) return;
    event.preventDefault();
    const target = Math.min(shown.length - 1, Math.max(0, index + step));
    list.scrollTop = Math.max(0, Math.min(list.scrollTop, target * rowHeight), (target + 1) * rowHeight + headHeight - list.clientHeight);
    render();
    rows.get(fullName(shown[target]))?.element.focus();
  });
  new ResizeObserver(render).observe(list);
  model.subscribers.add(update);
  update();
  loadHistory();
  const timer = setInterval(loadHistory, 15000);
  signal.addEventListener("abort", () => clearInterval(timer));
}
