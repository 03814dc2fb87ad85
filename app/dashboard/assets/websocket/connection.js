// One connection of the MQTT client: its forms, the client of mqtt.js behind them, and what it said and heard.
import mqtt from "mqtt";
import { History } from "./history.js";
import { filled, integers, userProperties } from "./fields.js";

const NEVER_KEPT = new Set(["password"]);
const COLOURS = { disconnected: "secondary", connecting: "info", connected: "success" };

export class Connection {
  constructor(panel, tab, parameters, { t, keep }) {
    Object.assign(this, { panel, tab, t, keep, client: null, state: "disconnected" });
    this.words = { disconnected: t("disconnected"), connecting: t("connecting"), connected: t("connected") };
    this.ports = parameters.ports;
    this.part = (name) => panel.querySelector(`[data-part=${name}]`);
    this.connectForm = this.part("connect");
    this.history = new History(panel, t);
    for (const [name, value] of Object.entries(parameters)) {
      const field = this.connectForm.elements[name];
      if (!field || NEVER_KEPT.has(name)) continue;
      if (field.type === "checkbox") field.checked = Boolean(value);
      else field.value = value;
    }
    this.connectForm.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.client) this.end();
      else this.connect();
    });
    this.connectForm.addEventListener("change", (event) => {
      if (event.target.name === "scheme") this.connectForm.elements.port.value = this.ports[event.target.value];
      this.adapt();
      this.keep();
    });
    this.part("subscribe").addEventListener("submit", (event) => {
      event.preventDefault();
      this.subscribe();
    });
    this.part("publish").addEventListener("submit", (event) => {
      event.preventDefault();
      this.publish();
    });
    this.adapt();
  }

  /** What may be kept in the browser. */
  parameters() {
    const found = {};
    for (const field of this.connectForm.elements) {
      if (!field.name || NEVER_KEPT.has(field.name)) continue;
      found[field.name] = field.type === "checkbox" ? field.checked : field.value;
    }
    return found;
  }

  get isVersion5() {
    return this.connectForm.elements.version.value === "5";
  }

  /** Show what goes with the version, and call the tab after the client. */
  adapt() {
    for (const element of this.panel.querySelectorAll("[data-only='5']")) element.hidden = !this.isVersion5;
    this.tab.textContent = this.connectForm.elements.clientid.value || this.t("New connection");
  }

  say(state) {
    this.state = state;
    const badge = this.part("state");
    badge.textContent = this.words[state];
    badge.className = `status-badge status-badge-${COLOURS[state]}`;
    this.tab.setAttribute("data-state", state);
    this.part("toggle").textContent = state === "disconnected" ? this.t("Connect") : this.t("Disconnect");
    this.connectForm.querySelector("fieldset").disabled = state !== "disconnected";
    for (const name of ["subscribe", "publish"]) this.part(name).querySelector("[type=submit]").disabled = state !== "connected";
  }

  complain(text) {
    const complaint = this.part("complaint");
    complaint.textContent = text;
    complaint.hidden = !text;
  }

  connect() {
    const { scheme, host, port, path } = this.connectForm.elements;
    this.complain("");
    this.say("connecting");
    let client;
    try {
      client = mqtt.connect(`${scheme.value}://${host.value}:${port.value}${path.value}`, this.options());
    } catch (error) {
      this.complain(error.message);
      this.say("disconnected");
      return;
    }
    this.client = client;
    client.on("connect", () => this.say("connected"));
    client.on("message", (_topic, payload, packet) => this.history.add("received", { ...packet, payload }));
    client.on("error", (error) => this.complain(error.message));
    client.on("disconnect", (packet) => this.complain(this.t("The node closed the connection, reason code {code}.", { code: packet.reasonCode })));
    client.on("close", () => {
      if (this.client !== client) return;
      if (this.state === "connecting" && this.part("complaint").hidden) this.complain(this.t("Nobody answers there."));
      client.end(true);
      this.over();
    });
  }

  options() {
    const fields = this.connectForm.elements;
    const version = Number(fields.version.value);
    const options = {
      clientId: fields.clientid.value,
      username: fields.username.value || undefined,
      password: fields.password.value || undefined,
      protocolVersion: version,
      protocolId: version === 3 ? "MQIsdp" : "MQTT",
      keepalive: Number(fields.keepalive.value),
      clean: fields.clean.checked,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
      // A worker of its own would be a script that the page's policy refuses.
      timerVariant: "native",
    };
    if (fields.willTopic.value) {
      options.will = {
        topic: fields.willTopic.value,
        payload: fields.willPayload.value,
        qos: Number(fields.willQos.value),
        retain: fields.willRetain.checked,
      };
    }
    if (version === 5) {
      options.properties = filled({
        ...integers(fields, ["sessionExpiryInterval", "receiveMaximum", "maximumPacketSize", "topicAliasMaximum"]),
        userProperties: userProperties(fields.userProperties.value),
      });
    }
    return options;
  }

  /** Leave, if it is there. */
  end() {
    const client = this.client;
    if (!client) return;
    const wasConnected = this.state === "connected";
    this.over();
    client.end(!wasConnected);
  }

  over() {
    this.client = null;
    this.part("subscriptions").replaceChildren();
    this.say("disconnected");
  }

  subscribe() {
    const fields = this.part("subscribe").elements;
    const topic = fields.topic.value;
    const options = { qos: Number(fields.qos.value) };
    if (this.isVersion5) {
      Object.assign(options, { nl: fields.nl.checked, rap: fields.rap.checked, rh: Number(fields.rh.value) });
      const properties = filled(integers(fields, ["subscriptionIdentifier"]));
      if (Object.keys(properties).length > 0) options.properties = properties;
    }
    this.complain("");
    this.client.subscribe(topic, options, (error, granted = []) => {
      if (error) return this.complain(error.message);
      for (const one of granted) {
        if (one.qos >= 128) this.complain(this.t("The node refused the subscription, reason code {code}.", { code: one.qos }));
        else this.list(one.topic, one.qos);
      }
    });
  }

  list(topic, qos) {
    const subscriptions = this.part("subscriptions");
    for (const one of [...subscriptions.children]) if (one.dataset.topic === topic) one.remove();
    const row = document.createElement("li");
    row.dataset.topic = topic;
    const name = Object.assign(document.createElement("span"), { className: "font-monospace break-words", textContent: topic });
    const level = Object.assign(document.createElement("span"), { className: "text-secondary", textContent: `QoS ${qos}` });
    const leave = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm", textContent: this.t("Unsubscribe") });
    leave.addEventListener("click", () => this.client?.unsubscribe(topic, (error) => (error ? this.complain(error.message) : row.remove())));
    row.append(name, level, leave);
    subscriptions.append(row);
  }

  publish() {
    const fields = this.part("publish").elements;
    const message = { topic: fields.topic.value, payload: fields.payload.value, qos: Number(fields.qos.value), retain: fields.retain.checked };
    if (this.isVersion5) {
      message.properties = filled({
        contentType: fields.contentType.value,
        responseTopic: fields.responseTopic.value,
        correlationData: fields.correlationData.value && new TextEncoder().encode(fields.correlationData.value),
        payloadFormatIndicator: fields.payloadFormatIndicator.checked || undefined,
        ...integers(fields, ["messageExpiryInterval"]),
        userProperties: userProperties(fields.userProperties.value),
      });
    }
    const { topic, payload, ...options } = message;
    this.complain("");
    this.client.publish(topic, payload, options, (error) => (error ? this.complain(error.message) : this.history.add("sent", message)));
  }
}
