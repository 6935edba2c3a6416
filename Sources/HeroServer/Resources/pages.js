// The pages of dependencies, plan, revisions and events.

import { call, role, stream } from "/api.js";
import { clock, errorPanel, h, link, place, rich, s, shortName, state, table } from "/dom.js";

export async function graph({ main, signal }) {
  const nodes = (await call("service.tree")).services;
  if (signal.aborted) return;
  if (!nodes.length) return main.replaceChildren(h("p", { class: "empty" }, "The manifests declare no service."));
  const layers = new Map();
  for (const node of nodes) {
    const wave = node.wave ?? 0;
    if (!layers.has(wave)) layers.set(wave, []);
    layers.get(wave).push(node);
  }
  const places = new Map();
  let width = 0;
  let height = 0;
  [...layers.keys()].sort((a, b) => a - b).forEach((wave, column) => {
    layers.get(wave).forEach((node, row) => {
      places.set(node.service, { x: 16 + column * 220, y: 16 + row * 48 });
      width = Math.max(width, column * 220 + 212);
      height = Math.max(height, row * 48 + 64);
    });
  });
  const needs = (node) => ["requires", "wants", "after"].flatMap((key) => (node[key] ?? []).map((target) => [target, key]));
  const edges = nodes.flatMap((node) => needs(node).map(([target, kind]) => {
    const [from, to] = [places.get(target), places.get(node.service)];
    if (!from || !to) return null;
    const [x, y] = [from.x + 180, from.y + 16];
    return s("path", { d: `M${x} ${y}C${x + 30} ${y} ${to.x - 30} ${to.y + 16} ${to.x} ${to.y + 16}`, "stroke-dasharray": kind === "requires" ? null : "4 3" });
  }));
  const boxes = nodes.map((node) => {
    const { x, y } = places.get(node.service);
    const label = shortName(node.service);
    return s("a", { href: link(node.service), "aria-label": `${label}, ${node.state ?? node.wanted}` },
      s("rect", { x, y, width: 180, height: 32, rx: 5, class: node.state ?? "" }),
      s("text", { x: x + 10, y: y + 20 }, label.length > 22 ? `${label.slice(0, 21)}…` : label));
  });
  main.replaceChildren(h("h2", null, "Dependencies"),
    h("p", { class: "dim" }, "A service starts after the services to its left that it is connected with. Dashed lines only order."),
    h("div", { class: "scroll" }, s("svg", { class: "graph", width, height, role: "group", "aria-label": "Dependencies" }, edges, boxes)),
    h("h3", null, "As a list"),
    table(["Service", "State", "Requires", "Wants", "After"], nodes.map((node) => [h("a", { href: link(node.service) }, shortName(node.service)),
      state(node.state ?? node.wanted), ...["requires", "wants", "after"].map((key) => (node[key] ?? []).map(shortName).join(", "))]), ""));
}

const symbols = { keep: "·", start: "+", stop: "-", restart: "±", update: "~", reload: "~", deferred: "=", blocked: "!" };

/** The action of a change, or that it waits. */
const kind = (change) => (change.deferred ? "deferred" : change.action);

function planView(document) {
  const changes = document.changes.filter((change) => change.action !== "keep");
  const numbers = Object.entries(document.summary).filter(([action, number]) => number && action !== "keep")
    .map(([action, number]) => (["blocked", "deferred"].includes(action) ? `${number} ${action}` : `${number} to ${action}`));
  const findings = document.diagnostics.map((entry) => h("li", null, h("strong", { class: `state ${entry.severity}` }, entry.severity), " ", rich(entry.message), " ",
    entry.file ? h("code", null, place(`${entry.file}:${entry.line}`)) : null, entry.help ? h("span", { class: "dim" }, " ", rich(entry.help)) : null));
  const wave = (title, waves) => (waves.length ? h("section", null, h("h3", null, title), h("ol", { class: "waves" }, waves.map((names, index) =>
    h("li", null, h("span", { class: "dim" }, `${index + 1}. `), names.map(shortName).join(", "))))) : null);
  return [
    h("p", null, h("strong", null, numbers.length ? `Plan: ${numbers.join(", ")}` : "Nothing to do"), document.summary.keep ? `; ${document.summary.keep} unchanged.` : "."),
    findings.length ? h("div", { class: "panel warn" }, h("ul", null, findings)) : null,
    document.reclaims?.length ? h("div", { class: "panel warn" }, h("ul", null, document.reclaims.map((entry) => h("li", null, `will stop pid ${entry.pid} ${entry.exe ?? ""}: holds ${entry.resource} (${entry.allowed_by})`)))) : null,
    document.drift?.length ? h("div", { class: "panel" }, h("strong", null, "Drift"), h("ul", null, document.drift.map((entry) => h("li", null, `${entry.service}: ${entry.text}`)))) : null,
    changes.map((change) => h("div", { class: "panel" }, h("div", null, h("span", { class: `symbol ${kind(change)}` }, symbols[kind(change)] ?? "?"),
      h("strong", null, shortName(change.service ?? change.standalone ?? "")), ` ${change.action}: `, rich(change.reason.text),
      change.deferred ? h("span", { class: "dim" }, ` (waits until ${clock(change.deferred.until)}${change.deferred.reason ? `: ${change.deferred.reason}` : ""})`) : null),
    change.fields.length ? table(["Field", "Before", "After", "Cost", "Place"], change.fields.map((field) => [h("code", null, field.path),
      h("code", { class: "before" }, field.before ?? "(none)"), h("code", { class: "after" }, field.after ?? "(none)"), field.cost, h("code", null, place(field.at))]), "") : null)),
    wave("Stop waves", document.stop_waves), wave("Start waves", document.start_waves),
  ];
}

export async function plan(page) {
  const { main, model, signal, refresh } = page;
  const document = await call("plan.diff");
  if (signal.aborted) return;
  const count = document.changes.filter((change) => !["keep", "blocked", "deferred"].includes(kind(change))).length;
  const isRefused = document.diagnostics.some((entry) => entry.severity === "error");
  const followsGit = Boolean(model.status?.git);
  const result = h("div", { "aria-live": "polite" });
  const again = h("button", { type: "button", onclick: () => plan(page).catch((error) => main.replaceChildren(errorPanel(error))) }, "Plan again");

  /** A button that calls a method, and shows what it did. */
  const action = (text, method, params) => {
    const button = h("button", { class: "primary", type: "button", onclick: async () => {
      button.disabled = true;
      result.replaceChildren(h("p", { role: "status" }, "Working…"));
      try {
        const report = await call(method, params);
        const text = report.converged ? `Revision ${report.revision} is applied.` : `Revision ${report.revision} is applied, but not everything is as wanted.`;
        result.replaceChildren(h("div", { class: report.converged ? "panel" : "panel bad" }, text, h("ul", null, report.errors.map((error) => h("li", null, error)))));
        button.remove();
      } catch (error) {
        result.replaceChildren(errorPanel(error));
        button.disabled = false;
      }
      refresh();
    } }, text);
    return button;
  };

  const isAdmin = role === "admin";
  const apply = isAdmin && !followsGit && count && !isRefused ? action(`Apply ${count} change${count === 1 ? "" : "s"}`, "apply", { base_revision: document.base_revision }) : "";
  const sync = isAdmin && followsGit ? action("Sync with git now", "sync", {}) : "";
  main.replaceChildren(h("h2", null, "Plan"),
    h("p", { class: "dim" }, "What an apply would do now, compared with revision ", String(document.base_revision), document.basis ? [" from ", h("code", null, document.basis.directory)] : null),
    h("div", { class: "toolbar" }, again, apply, sync), result, ...planView(document).flat(2).filter(Boolean));
}

export async function history({ main, signal, parts }) {
  const revisions = (await call("revision.list", { limit: 200 })).revisions;
  if (signal.aborted) return;
  const detail = h("section", { "aria-live": "polite" });
  main.replaceChildren(h("h2", null, "Revisions"), detail, table(["Revision", "Time", "By", "Summary", "Commit", ""], revisions.map((entry) => [
    h("a", { href: `#/history/${entry.revision}` }, String(entry.revision)), clock(entry.time), entry.actor, entry.summary,
    h("code", null, (entry.git_commit ?? "").slice(0, 12)), entry.down ? "down" : ""]), "Nothing was applied yet."));
  const number = Number(parts[0]);
  if (!Number.isInteger(number) || number < 1) return;
  detail.replaceChildren(h("h3", null, `What revision ${number} changed`), h("p", { class: "dim" }, "Loading…"));
  try {
    const before = revisions.map((entry) => entry.revision).filter((other) => other < number);
    if (!before.length) return detail.replaceChildren(h("p", null, `Revision ${number} is the first one that is recorded.`));
    const document = await call("plan.diff", { revision: number, against_revision: Math.max(...before) });
    detail.replaceChildren(h("h3", null, `What revision ${number} changed`), ...planView(document).flat(2).filter(Boolean));
  } catch (error) { detail.replaceChildren(errorPanel(error)); }
}

export async function events({ main, signal }) {
  const recorded = (await call("event.list", { limit: 300 })).events;
  if (signal.aborted) return;
  const level = h("select", { "aria-label": "Level", onchange: () => draw() }, ["", "info", "warning", "error"].map((value) => h("option", { value }, value || "every level")));
  const search = h("input", { type: "search", placeholder: "Search (press /)", "aria-label": "Search events", oninput: () => draw() });
  const body = h("div");
  main.replaceChildren(h("h2", null, "Events"), h("div", { class: "toolbar" }, search, level), body);
  function draw() {
    const needle = search.value.toLowerCase();
    const found = recorded.filter((event) => (!level.value || event.level === level.value) && (!needle || `${event.subject} ${event.text}`.toLowerCase().includes(needle)));
    body.replaceChildren(table(["Time", "Level", "Subject", "Text"], found.slice(-500).reverse().map((event) => [clock(event.time), state(event.level), event.subject, event.text]), "There are no events."));
  }
  draw();
  let timer = 0;
  stream("/events", signal, (event) => {
    recorded.push(event);
    if (recorded.length > 2000) recorded.splice(0, 500);
    clearTimeout(timer);
    timer = setTimeout(draw, 200);
  });
}
