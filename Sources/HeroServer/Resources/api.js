// The connection to the server: JSON-RPC calls and event streams.

const key = "heroproc-token";

/** Takes the token from the address, so that it does not stay in the history. */
function takeToken() {
  const match = location.hash.match(/^#token=(.+)$/);
  if (match) {
    try { sessionStorage.setItem(key, decodeURIComponent(match[1])); } catch { /* without storage the token is lost */ }
    history.replaceState(null, "", location.pathname + "#/services");
  }
}
takeToken();

/** Whether the client may change something; null until the first answer. */
export let role = null;

export class CallError extends Error {
  constructor(message, code) { super(message); this.code = code; }
}

function headers() {
  const token = sessionStorage.getItem(key);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function setToken(token) { sessionStorage.setItem(key, token); }

let nextID = 1;

/** Calls a method; throws CallError. */
export async function call(method, params = {}) {
  let response;
  try {
    response = await fetch("/rpc", {
      method: "POST", headers: { ...headers(), "Content-Type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: nextID++, method, params }),
    });
  } catch { throw new CallError("the server cannot be reached", 0); }
  if (!response.ok) throw new CallError(response.status === 401 ? "a token is necessary" : `HTTP ${response.status}`, response.status);
  role = response.headers.get("Heroproc-Role");
  const reply = await response.json();
  if (reply.error) throw new CallError(reply.error.message, reply.error.code);
  return reply.result;
}

/** Reads server-sent events until `signal` aborts; connects again after a break, without loss. */
export async function stream(path, signal, onEvent, onState = () => {}) {
  let last = null;
  let pause = 500;
  while (!signal.aborted) {
    try {
      const own = last === null ? headers() : { ...headers(), "Last-Event-ID": last };
      const response = await fetch(path, { headers: own, signal });
      if (!response.ok) {
        onState(false, response.status);
        if (response.status === 401 || response.status === 403 || response.status === 404) return;
      } else {
        onState(true, 200);
        pause = 500;
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          rest += value;
          let end;
          while ((end = rest.indexOf("\n\n")) >= 0) {
            const fields = rest.slice(0, end).split("\n");
            rest = rest.slice(end + 2);
            let data = "";
            for (const field of fields) {
              if (field.startsWith("id: ")) last = field.slice(4);
              if (field.startsWith("data: ")) data += field.slice(6);
            }
            if (data) onEvent(JSON.parse(data));
          }
        }
      }
    } catch { /* the connection broke; the loop opens a new one */ }
    if (signal.aborted) return;
    onState(false, 0);
    await new Promise((resume) => setTimeout(resume, pause));
    pause = Math.min(pause * 2, 8000);
  }
}
