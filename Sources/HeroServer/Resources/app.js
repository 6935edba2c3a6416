// The page: navigation, the shared state of all services, and its refresh.

import { call, setToken, stream } from "/api.js";
import { errorPanel, h, setServicesDirectory } from "/dom.js";
import { events, graph, history, plan } from "/pages.js";
import { services } from "/services.js";
import { service } from "/service.js";

const main = document.getElementById("main");
const connection = document.getElementById("connection");
const pages = { services, service, graph, plan, history, events };

/** What every page reads. `changed` is called by the current page's subscription. */
const model = { status: null, usage: new Map(), previous: new Map(), subscribers: new Set() };
let current = null;
let refreshTimer = null;
let finishedAt = 0;
let pause = 150;

function setConnection(text, isBad) {
  if (connection.textContent !== text) connection.textContent = text;
  connection.className = isBad ? "bad" : "good";
}

function askForToken() {
  const input = h("input", { type: "password", "aria-label": "Token", autocomplete: "off" });
  main.replaceChildren(h("form", { class: "panel toolbar", onsubmit: (event) => {
    event.preventDefault();
    setToken(input.value.trim());
    start();
  } }, h("h2", null, "Token"), input, h("button", { class: "primary" }, "Open"),
  h("p", { class: "dim" }, "The token is the content of the file of --token-file or --read-token-file.")));
  input.focus();
}

async function refresh() {
  clearTimeout(refreshTimer);
  const begin = performance.now();
  try {
    model.status = await call("service.status_full");
    setServicesDirectory(model.status.reconciler.dir);
    setConnection(model.status.reconciler.alive ? "live" : "no reconciler is running", !model.status.reconciler.alive);
  } catch (error) {
    if (error.code === 401) return false;
    setConnection(`disconnected: ${error.message}`, true);
  }
  for (const subscriber of model.subscribers) subscriber();
  finishedAt = performance.now();
  // A refresh of thousands of services takes long. The pause keeps its share of a processor small.
  pause = Math.min(5000, Math.max(150, 20 * (finishedAt - begin)));
  schedule(5000);
  return true;
}

function schedule(milliseconds) {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(() => (document.hidden ? null : refresh()), milliseconds);
}

/** An event was recorded: refreshes once for all events that follow within the pause. */
function refreshSoon() {
  if (model.status) schedule(Math.max(150, finishedAt + pause - performance.now()));
}

async function refreshUsage() {
  if (document.hidden) return;
  try {
    const now = performance.now();
    for (const entry of (await call("service.stats")).services) {
      const name = `${entry.context}/${entry.name}`;
      const before = model.previous.get(name);
      const isKnown = before && before.cpu !== null && entry.cpu_microseconds !== null;
      const cpu = isKnown && now > before.at ? Math.max(0, (entry.cpu_microseconds - before.cpu) / (now - before.at) / 10) : null;
      model.previous.set(name, { cpu: entry.cpu_microseconds, at: now });
      model.usage.set(name, { ...entry, cpu });
    }
    for (const subscriber of model.subscribers) subscriber();
  } catch { /* refresh() reports it */ }
}

function show() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const page = pages[name] ?? services;
  current?.abort();
  current = new AbortController();
  model.subscribers.clear();
  const area = name === "service" ? "services" : pages[name] ? name : "services";
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.getAttribute("href") === `#/${area}`) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  document.title = `${name === "service" ? rest.join("/") : area} · heroproc`;
  main.replaceChildren(h("p", { class: "empty" }, "Loading…"));
  Promise.resolve(page({ main, model, signal: current.signal, parts: rest, refresh }))
    .catch((error) => main.replaceChildren(errorPanel(error)));
}

async function start() {
  if (await refresh() === false) return askForToken();
  show();
  refreshUsage();
}

window.addEventListener("hashchange", () => { if (model.status) { show(); main.focus({ preventScroll: true }); } });
document.addEventListener("visibilitychange", () => { if (!document.hidden) refreshSoon(); });
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = { "/": null, 1: "services", 2: "graph", 3: "plan", 4: "history", 5: "events" }[event.key];
  if (event.key === "/") {
    event.preventDefault();
    document.querySelector("input[type=search]")?.focus();
  } else if (target) location.hash = `#/${target}`;
});
setInterval(refreshUsage, 5000);
stream("/events", new AbortController().signal, refreshSoon, (isOpen, code) => {
  if (!isOpen && code !== 401) setConnection("disconnected: connecting again", true);
  else if (isOpen) refreshSoon();
});
start();
