// The MQTT client of the tools: tabs of connections. What was typed is kept in this browser, passwords never.
import { Connection } from "../websocket/connection.js";
import { texts } from "../texts.js";

const KEPT = "godwit.mqtt-client";
const MOST_KEPT = 8;

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found.slice(0, MOST_KEPT) : [];
  } catch {
    return [];
  }
}

export async function mount(element) {
  const t = await texts();
  const tablist = element.querySelector("[role=tablist]");
  const panels = element.querySelector(".mqtt-panels");
  const template = element.querySelector("template");
  const connections = [];
  let number = 0;

  function keep() {
    try {
      localStorage.setItem(KEPT, JSON.stringify(connections.slice(0, MOST_KEPT).map((one) => one.parameters())));
    } catch {
      // Nothing may be kept in this browser; the client works all the same.
    }
  }

  function show(chosen) {
    for (const one of connections) {
      const isChosen = one === chosen;
      one.panel.hidden = !isChosen;
      one.tab.setAttribute("aria-selected", String(isChosen));
      one.tab.tabIndex = isChosen ? 0 : -1;
      one.tab.parentElement.classList.toggle("active", isChosen);
    }
  }

  function add(parameters = {}) {
    number += 1;
    const panel = template.content.firstElementChild.cloneNode(true);
    panel.id = `mqtt-panel-${number}`;
    const tab = Object.assign(document.createElement("button"), { type: "button", id: `mqtt-tab-${number}`, className: "mqtt-tab" });
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", panel.id);
    panel.setAttribute("aria-labelledby", tab.id);
    const close = Object.assign(document.createElement("button"), {
      type: "button", className: "btn btn-ghost-secondary", textContent: t("Close this connection"),
    });
    const holder = Object.assign(document.createElement("span"), { className: "mqtt-tab-holder" });
    holder.setAttribute("role", "presentation");
    holder.append(tab);
    tablist.append(holder);
    panels.append(panel);
    const connection = new Connection(panel, tab, { ...defaults(element), ...parameters }, { t, keep });
    connections.push(connection);
    tab.addEventListener("click", () => show(connection));
    panel.querySelector("[data-part=connect] .card-footer").append(close);
    close.addEventListener("click", () => {
      connection.end();
      connections.splice(connections.indexOf(connection), 1);
      holder.remove();
      panel.remove();
      if (connections.length === 0) add();
      else show(connections.at(-1));
      keep();
    });
    show(connection);
    return connection;
  }

  tablist.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const at = connections.findIndex((one) => one.tab === document.activeElement);
    const next = connections[(at + step + connections.length) % connections.length];
    show(next);
    next.tab.focus();
  });
  element.querySelector("[data-do=add]").addEventListener("click", () => {
    add();
    keep();
  });
  const found = kept();
  for (const parameters of found) add(parameters);
  if (found.length === 0) add();
  show(connections[0]);
  addEventListener("pagehide", () => connections.forEach((one) => one.end()));
}

function defaults({ dataset }) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return {
    scheme,
    host: dataset.host,
    port: dataset[scheme],
    clientid: `dashboard-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16).padStart(8, "0")}`,
    ports: { ws: dataset.ws, wss: dataset.wss },
  };
}
