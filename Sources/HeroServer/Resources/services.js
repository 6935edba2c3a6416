// The list of services: what is wrong comes first, then a list that only has rows for what is visible.

import { call } from "/api.js";
import { age, bytes, fullName, h, isWanted, link, shortName, spark, state } from "/dom.js";

const rowHeight = 40;
const filter = { text: "", state: "" };

export function services({ main, model, signal }) {
  const problems = h("section", { "aria-label": "Problems", "aria-live": "polite" });
  const search = h("input", { type: "search", placeholder: "Search (press /)", "aria-label": "Search services", value: filter.text,
    oninput: () => { filter.text = search.value.trim().toLowerCase(); update(); } });
  const select = h("select", { "aria-label": "State", onchange: () => { filter.state = select.value; update(); } },
    ["", "problems", "running", "starting", "stopped", "exited", "blocked", "degraded", "backing_off", "failed"].map((value) =>
      h("option", { value, selected: value === filter.state }, value || "every state")));
  const count = h("span", { class: "dim", role: "status" });
  const spacer = h("div", { class: "spacer", role: "rowgroup" });
  const list = h("div", { class: "list", role: "table", "aria-label": "Services", tabindex: "-1" },
    h("div", { class: "row head", role: "row" }, ["Name", "State", "Uptime", "Restarts", "CPU", "Memory"].map((text) =>
      h("span", { role: "columnheader" }, text))), spacer);
  main.replaceChildren(problems, h("div", { class: "toolbar" }, search, select, count), list);

  let shown = [];
  const rows = new Map();
  const history = new Map();
  let explained = "";

  function matches(service) {
    if (filter.state === "problems" ? isWanted(service) : filter.state && service.state !== filter.state) return false;
    return !filter.text || fullName(service).toLowerCase().includes(filter.text);
  }

  function update() {
    if (!model.status) return;
    shown = model.status.services.filter(matches);
    list.setAttribute("aria-rowcount", shown.length + 1);
    const total = model.status.services.length;
    count.textContent = shown.length === total ? `${total} services` : `${shown.length} of ${total} services`;
    spacer.style.height = `${Math.max(1, shown.length) * rowHeight}px`;
    showProblems();
    render();
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
    if (!shown.length) spacer.append(h("p", { class: "empty" }, model.status.services.length ? "No service matches." : "Nothing was applied yet."));
  }

  function makeRow(name) {
    const cells = Array.from({ length: 6 }, () => h("span", { role: "cell" }));
    cells[0].textContent = shortName(name);
    cells[4].className = cells[5].className = "usage";
    return { element: h("a", { class: "row item", role: "row", href: link(name) }, cells), cells, text: "" };
  }

  function fillRow(row, service, name) {
    const usage = model.usage.get(name);
    const restarts = service.actions.reduce((sum, action) => sum + action.restart_count, 0);
    const texts = [service.state, service.state === "running" ? age(service.since) : "", restarts,
      usage?.cpu == null ? "" : `${usage.cpu.toFixed(1)} %`, bytes(usage?.processes ? usage.memory_bytes : null)];
    const lines = history.get(name);
    const text = texts.join("\n") + (lines?.cpu.length ?? 0);
    if (row.text === text) return;
    row.text = text;
    row.cells[1].replaceChildren(state(service.state));
    row.cells[2].textContent = texts[1];
    row.cells[3].textContent = restarts;
    row.cells[4].replaceChildren(spark(lines?.cpu, "CPU of the last hour") ?? "", texts[3]);
    row.cells[5].replaceChildren(spark(lines?.memory, "memory of the last hour") ?? "", texts[4]);
  }

  async function showProblems() {
    const wrong = model.status.services.filter((service) => !isWanted(service));
    const refused = model.status.refused;
    const signature = JSON.stringify([wrong.map((service) => [fullName(service), service.state]), refused]);
    if (signature === explained) return;
    explained = signature;
    const known = [];
    if (refused) known.push(h("li", null, "The last change of the services directory was refused: ", refused.text));
    if (!model.status.reconciler.alive) known.push(h("li", null, "No reconciler is running: nothing restarts what ends."));
    for (const service of wrong.slice(0, 8)) {
      let answer = service.state;
      try { answer = (await call("service.why", { name: fullName(service) })).answer; } catch { /* the state must do */ }
      known.push(h("li", null, h("a", { href: link(fullName(service)) }, shortName(fullName(service))), ": ", answer));
    }
    if (signal.aborted || signature !== explained) return;
    if (wrong.length > 8) known.push(h("li", null, `and ${wrong.length - 8} more: choose the state “problems”`));
    problems.replaceChildren(known.length
      ? h("div", { class: "panel bad" }, h("strong", null, wrong.length === 1 ? "1 service is not as wanted" : `${wrong.length} services are not as wanted`), h("ul", null, known))
      : h("div", { class: "panel" }, "Everything is as wanted."));
  }

  async function loadHistory() {
    const names = [...rows.keys()];
    if (!names.length || document.hidden) return;
    try {
      for (const entry of (await call("service.usage_history", { names })).services) history.set(`${entry.context}/${entry.name}`, entry);
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
    list.scrollTop = Math.max(0, Math.min(list.scrollTop, target * rowHeight), (target + 2) * rowHeight - list.clientHeight);
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
