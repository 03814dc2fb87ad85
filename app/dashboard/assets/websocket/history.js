// What one connection sent and received, newest first: searched, told apart, indented.
const MOST = 500;
const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});

export class History {
  constructor(panel, t) {
    this.t = t;
    this.messages = [];
    this.part = (name) => panel.querySelector(`[data-part=${name}]`);
    for (const name of ["filter", "direction", "pretty"]) this.part(name).addEventListener("input", () => this.draw());
    this.part("history").querySelector("[data-do=clear]").addEventListener("click", () => {
      this.messages = [];
      this.draw();
    });
  }

  add(direction, packet) {
    const one = { direction, packet, at: new Date(), text: shown(packet.payload) };
    this.messages.unshift(one);
    this.messages.length = Math.min(this.messages.length, MOST);
    if (this.passes(one)) this.part("messages").prepend(this.row(one));
    while (this.part("messages").children.length > MOST) this.part("messages").lastChild.remove();
    this.count();
  }

  passes({ direction, packet, text }) {
    const wanted = this.part("filter").value.toLowerCase();
    const only = this.part("direction").value;
    return (!only || only === direction) && `${packet.topic}\n${text}`.toLowerCase().includes(wanted);
  }

  draw() {
    this.part("messages").replaceChildren(...this.messages.filter((one) => this.passes(one)).map((one) => this.row(one)));
    this.count();
  }

  count() {
    this.part("count").textContent = String(this.messages.length);
    this.part("none").hidden = this.messages.length > 0;
  }

  row({ direction, packet, at, text }) {
    const row = document.createElement("li");
    row.className = `mqtt-message mqtt-${direction}`;
    const badge = span(direction === "sent" ? this.t("Sent") : this.t("Received"), `status-badge status-badge-${direction === "sent" ? "info" : "success"}`);
    const facts = [`QoS ${packet.qos}`, packet.retain ? this.t("retained") : "", clock.format(at)].filter(Boolean).join(" · ");
    const head = document.createElement("div");
    head.className = "mqtt-message-head";
    head.append(badge, span(packet.topic, "font-monospace fw-medium break-words"), span(facts, "text-secondary"));
    const payload = Object.assign(document.createElement("pre"), { textContent: this.part("pretty").checked ? indented(text) : text });
    row.append(head, payload);
    const properties = described(packet.properties);
    if (properties) row.append(Object.assign(document.createElement("div"), { className: "mqtt-properties", textContent: properties }));
    return row;
  }
}

function span(textContent, className) {
  return Object.assign(document.createElement("span"), { textContent, className });
}

function shown(payload) {
  if (typeof payload === "string") return payload;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(payload);
  } catch {
    return Array.from(payload, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  }
}

function indented(text) {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function described(properties = {}) {
  const plain = (value) => (value instanceof Uint8Array ? shown(value) : Array.isArray(value) ? value.join(", ") : String(value));
  return Object.entries(properties)
    .flatMap(([name, value]) => (name === "userProperties" ? Object.entries(value) : [[name, value]]))
    .map(([name, value]) => `${name}: ${plain(value)}`)
    .join(" · ");
}
