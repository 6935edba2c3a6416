// Elements and texts. Every text is set as text and never as markup.

const svgNamespace = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes, ...children) => fill(document.createElementNS(svgNamespace, tag), attributes, children);

export const fullName = (service) => `${service.context}/${service.name}`;
export const shortName = (name) => name.replace(/^core\//, "");
export const link = (name) => `#/service/${name}`;

export function age(time, now = Date.now()) {
  if (!time) return "";
  let seconds = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "m"]]) {
    if (seconds >= size) {
      const rest = Math.floor((seconds % size) / (size === 86400 ? 3600 : size === 3600 ? 60 : 1));
      return `${Math.floor(seconds / size)}${unit}` + (rest ? ` ${rest}${unit === "d" ? "h" : unit === "h" ? "m" : "s"}` : "");
    }
  }
  return `${seconds}s`;
}

export const clock = (time) => (time ? new Date(time).toLocaleString() : "");

export function bytes(number) {
  if (number === null || number === undefined) return "";
  for (const [size, unit] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (number >= size) return `${(number / size).toFixed(number >= 10 * size ? 0 : 1)} ${unit}`;
  }
  return `${number} B`;
}

/** A state of a service or a phase of a job, in a color and in words. */
export const state = (name) => h("span", { class: `state ${name ?? ""}` }, words(name ?? "unknown"));
export const words = (name) => name.replaceAll("_", " ");
export const counted = (number, noun, plural = `${noun}s`) => `${number} ${number === 1 ? noun : plural}`;

/** The services directory, which `place` and `rich` leave out. */
let servicesParent = "";
export function setServicesDirectory(path) {
  servicesParent = path ? path.replace(/\/[^/]+\/?$/, "/") : "";
}
/** A text with the services directory as a relative path. */
export const place = (text) => (servicesParent && text ? text.replaceAll(servicesParent, "") : text ?? "");
/** A text for people: what is in backticks is code. */
export const rich = (text) => place(text).split("`").map((part, index) => (index % 2 ? h("code", null, part) : part));

export function table(headings, rows, empty) {
  if (!rows.length) return h("p", { class: "dim" }, empty);
  return h("div", { class: "scroll" }, h("table", null,
    h("thead", null, h("tr", null, headings.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", null, rows.map((cells) => h("tr", null, cells.map((cell) => h("td", null, cell)))))));
}

/** A line of numbers; unknown ones (null) leave a gap. */
export function spark(values, label) {
  const known = (values ?? []).filter((value) => value !== null);
  if (known.length < 2) return null;
  values = values.slice(values.findIndex((value) => value !== null));
  const top = Math.max(...known, 1);
  let path = "";
  let isDrawing = false;
  values.forEach((value, index) => {
    if (value !== null) path += `${isDrawing ? "L" : "M"}${(index * 60 / (values.length - 1)).toFixed(1)} ${(21 - value * 20 / top).toFixed(1)}`;
    isDrawing = value !== null;
  });
  return s("svg", { class: "spark", viewBox: "0 0 60 22", role: "img", "aria-label": label }, s("path", { d: path }));
}

export const errorPanel = (error) => h("div", { class: "panel bad", role: "alert" }, error.message);

export const isWanted = (service) => {
  if (service.wanted === "start") return service.state === "running" || service.state === "exited";
  if (service.wanted === "ignore") return true;
  return service.state === "stopped" || service.state === "failed";
};
