// A page's side of the host: the few methods of anywidget's model that widgets use, with scripted answers.
// Buffers arrive as DataViews at odd offsets, as they do from a real websocket message.
// The page stays from test to test, as a notebook's page does from cell to cell: what was imported is there, the rest goes.
window.host = (() => {
  const view = (base64) => odd(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)));
  const odd = (data) => {
    const padded = new Uint8Array(data.length + 3);
    padded.set(data, 3);
    return new DataView(padded.buffer, 3, data.length);
  };
  const unpack = (value) => (value && typeof value === "object" && "$bytes" in value ? view(value.$bytes) : value);

  class Model {
    constructor(state, answers, isHeld) {
      this.state = Object.fromEntries(Object.entries(state).map(([key, value]) => [key, unpack(value)]));
      this.answers = answers;
      this.isHeld = isHeld;
      this.held = [];
      this.calls = [];
      this.saved = [];
      this.listeners = new Map();
    }
    get(key) { return this.state[key]; }
    set(key, value) {
      if (this.state[key] === value) return;
      this.state[key] = value;
      this.saved.push([key, value]);
      this.emit(`change:${key}`);
    }
    save_changes() {}
    on(event, callback) {
      if (!this.listeners.has(event)) this.listeners.set(event, new Set());
      this.listeners.get(event).add(callback);
    }
    off(event, callback) { this.listeners.get(event)?.delete(callback); }
    emit(event, ...args) { for (const callback of [...(this.listeners.get(event) ?? [])]) callback(...args); }
    send(message) {
      this.calls.push(message);
      if (this.isHeld) this.held.push(message);
      else setTimeout(() => this.reply(message), 0);
    }
    async reply({ kind, id, method, params }) {
      if (kind !== "rpc") return; // said, not asked
      let { answer, buffers = [], error, source } = this.answer(method, params);
      const sent = buffers.map(view);
      if (source) {
        answer = { name: source, sha256: params.sha256 }; // a kernel of the same version
        sent.push(odd(new TextEncoder().encode(await text(source))));
      }
      const message = error === undefined ? { kind: "rpc-response", v: 1, id, result: answer } : { kind: "rpc-response", v: 1, id, error: { message: error } };
      this.emit("msg:custom", message, sent);
    }
    // answers[method] is one answer, or answers by the parameter that names what is asked for.
    answer(method, params) {
      const scripted = this.answers[method];
      if (scripted === undefined) return { error: `no answer is scripted for ${method}` };
      if (!("$by" in scripted)) return scripted;
      return scripted[params[scripted.$by]] ?? scripted["*"] ?? { error: `no answer is scripted for ${method} ${JSON.stringify(params)}` };
    }
    release() {
      this.isHeld = false;
      for (const message of this.held.splice(0)) this.reply(message);
    }
  }

  const once = (make) => {
    const made = new Map();
    return (name) => made.get(name) ?? made.set(name, make(name)).get(name);
  };
  const text = once(async (name) => (await fetch(`/static/${name}`)).text());
  const load = once(async (name) => {
    const url = URL.createObjectURL(new Blob([await text(name)], { type: "text/javascript" }));
    try { return await import(url); } finally { URL.revokeObjectURL(url); }
  });

  let cleanups = [];
  let timers = 0;
  let own;
  return {
    leaked: [],
    async show(name, state, answers, isHeld) {
      answers.asset ??= { $by: "name" };
      for (const each of ["explorer.js", "compare.js", "markdown.js", "more.js"]) {
        if ("$by" in answers.asset) answers.asset[each] ??= { source: each };
      }
      const module = await load(name);
      this.model = new Model(state, answers, isHeld);
      this.el = document.getElementById("cell").appendChild(document.createElement("div"));
      const cleanup = await module.default.render({ model: this.model, el: this.el });
      cleanups.push([this.model, cleanup]);
      this.cleanup = cleanup;
    },
    push(message, buffers = []) { this.model.emit("msg:custom", message, buffers.map(view)); },
    // Make the page as it was loaded; names in `kept` are functions of the test's process.
    enter(theme, background, kept) {
      const { documentElement: html, body } = document;
      for (const element of [html, body]) for (const { name } of [...element.attributes]) element.removeAttribute(name);
      Object.assign(html, { lang: "en", className: theme });
      body.style.cssText = `margin:16px;background:${background}`;
      const places = [window, document, navigator];
      own ??= places.map((place) => new Set(Object.getOwnPropertyNames(place)));
      for (const [at, place] of places.entries()) {
        for (const name of Object.getOwnPropertyNames(place)) {
          // __: what the driver and the widgets keep on a page
          if (!own[at].has(name) && !["axe", ...kept].includes(name) && !name.startsWith("__")) delete place[name];
        }
      }
      this.leaked = [];
    },
    // End and remove everything that was shown.
    leave() {
      for (const [model, cleanup] of cleanups.splice(0)) {
        cleanup?.();
        model.listeners.clear();
      }
      const last = setTimeout(() => {});
      while (timers < last) clearTimeout(++timers);
      document.body.innerHTML = '<main id="cell"></main>';
      this.model = this.el = this.cleanup = undefined;
      window.scrollTo(0, 0);
    },
  };
})();
document.addEventListener("keydown", (event) => host.leaked.push(event.key));
