// The page at /api/docs: shows OpenAPI documents of this node, and makes the calls that they describe.
// Credentials stay in the page's memory. Everything is built from nodes, never from strings of HTML.
"use strict";

const BASE = document.body.dataset.base;
const ROOT = BASE.slice(0, -"/api/docs".length);
const GENERATIONS = [["v4", "EMQX 4"], ["v3", "EMQ X 3"], ["v2", "EMQ 2"]];
const LONGEST_SHOWN = 200000;
const main = document.getElementById("main");
const filter = document.getElementById("filter");
const read = new Map();
let current = null;

// ---- Nodes ----------------------------------------------------------------------------------------------------------

function h(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// `code` in backticks is the one thing of Markdown that descriptions use.
function prose(text) {
  return (text || "").split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

// A long path breaks behind its slashes.
const breakable = (path) => path.split(/(?<=\/)/).flatMap((part) => [part, h("wbr", {})]);

const method = (name) => h("span", { class: `method ${name}` }, name.toUpperCase());

// ---- Documents ------------------------------------------------------------------------------------------------------

async function documentOf(generation) {
  if (!read.has(generation)) {
    const answer = await fetch(`${BASE}/${generation}/openapi.json`);
    if (!answer.ok) throw new Error(`the description cannot be read: HTTP ${answer.status}`);
    read.set(generation, withCalls(generation, await answer.json()));
  }
  return read.get(generation);
}

function withCalls(generation, spec) {
  const calls = [];
  for (const [path, methods] of Object.entries(spec.paths)) {
    for (const [verb, call] of Object.entries(methods)) calls.push({ ...call, path, verb });
  }
  return { generation, spec, calls, prefix: `/api/${generation}` };
}

function resolved(spec, schema) {
  let found = schema || {};
  while (found.$ref) {
    const { $ref, ...beside } = found;
    found = { ...$ref.slice(2).split("/").reduce((at, key) => at[key], spec), ...beside };
  }
  return found;
}

function kindOf(spec, schema) {
  const said = resolved(spec, schema);
  if (said.enum) return said.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (said.anyOf) return [...new Set(said.anyOf.map((one) => kindOf(spec, one)))].join(" or ");
  if (said.type === "array") return `list of ${kindOf(spec, said.items)}`;
  if (said.type === "object") return said.additionalProperties ? "object by name" : "object";
  return [said.type || "anything"].flat().join(" or ");
}

// ---- The list of calls ----------------------------------------------------------------------------------------------

function showGenerations(chosen) {
  const tabs = GENERATIONS.map(([name, title]) =>
    h("a", { href: `#${name}`, "aria-current": name === chosen ? "page" : null, title }, name));
  document.getElementById("generations").replaceChildren(...tabs);
}

function showCalls() {
  const wanted = filter.value.trim().toLowerCase();
  const fits = (call) => !wanted
    || `${call.verb} ${call.path} ${call.summary} ${call.tags[0]}`.toLowerCase().includes(wanted);
  const byTag = new Map();
  for (const call of current.calls.filter(fits)) {
    if (!byTag.has(call.tags[0])) byTag.set(call.tags[0], []);
    byTag.get(call.tags[0]).push(call);
  }
  const shown = [...byTag].sort(([one], [other]) => one.localeCompare(other)).map(([tag, calls]) =>
    h("section", {}, h("h3", {}, tag), calls.map(listed)));
  document.getElementById("calls").replaceChildren(
    ...(shown.length ? shown : [h("p", { class: "quiet" }, "No call has that.")]));
}

function listed(call) {
  const at = `#${current.generation}/${call.operationId}`;
  return h("a", {
    class: call.deprecated ? "call deprecated" : "call",
    href: at,
    title: call.summary,
    "aria-current": location.hash === at ? "page" : null,
  }, method(call.verb), h("span", {}, breakable(call.path.slice(current.prefix.length) || "/")));
}

// ---- What is shown of a generation, and of a call -------------------------------------------------------------------

function overview() {
  const { spec, generation, calls } = current;
  const codes = spec["x-result-codes"].map((row) => h("tr", {},
    h("td", { class: "number mono" }, row.code), h("td", {}, row.text), h("td", { class: "number" }, row.status)));
  const said = spec.info.description.split("\n\n")[0];
  return [
    h("h1", {}, `The calls of ${generation}`),
    h("p", { class: "lead" }, `${calls.length} calls under `, h("code", {}, current.prefix),
      `, as EMQX ${spec.info.version} has them. Choose one on the left to read about it and to try it.`),
    h("p", { class: "lead" }, prose(said)),
    h("p", {}, "As documents for programs: ",
      h("a", { href: `${BASE}/${generation}/openapi.json` }, `${generation}/openapi.json`), " or all generations at once, ",
      h("a", { href: `${BASE}/openapi.json` }, "openapi.json"), "."),
    h("div", { class: "card" }, h("h2", {}, "Result codes"), h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { class: "number" }, "code"), h("th", {}, "meaning"),
        h("th", { class: "number" }, "strict"))),
      h("tbody", {}, codes)))),
  ];
}

function callPage(call) {
  const attempt = new Attempt(call);
  return [
    h("h1", {}, call.summary),
    h("p", { class: "call-line" }, method(call.verb), h("code", {}, call.path),
      h("span", { class: "tag" }, call.tags[0]), call.deprecated && h("span", { class: "tag" }, "older spelling"),
      call.security && h("span", { class: "tag" }, "needs no login")),
    call.description && h("p", {}, prose(call.description)),
    attempt.card(),
    h("div", { class: "card" }, h("h2", {}, "Answers"), Object.entries(call.responses).map(answerOf)),
  ];
}

function answerOf([status, response]) {
  const said = resolved(current.spec, response);
  const inside = Object.entries(said.content || {}).map(([media, content]) => [
    h("p", { class: "kind" }, media),
    content.example !== undefined && h("pre", {}, coloured(content.example)),
    content.schema && treeOf(content.schema),
  ]);
  return h("details", { open: status === "200" },
    h("summary", {}, h("span", { class: `status ${status === "200" ? "good" : "bad"}` }, status), " ", prose(said.description)),
    h("div", { class: "inside" }, inside.length ? inside : h("p", { class: "quiet" }, "No content type.")));
}

function treeOf(schema, seen = []) {
  const said = resolved(current.spec, schema);
  const name = schema && schema.$ref;
  if (name && seen.includes(name)) return null;
  const path = name ? [...seen, name] : seen;
  if (said.anyOf) {
    const trees = said.anyOf.map((one) => treeOf(one, path)).filter(Boolean);
    return trees.length ? trees.flatMap((tree, index) => (index ? [h("p", { class: "kind" }, "or"), tree] : [tree])) : null;
  }
  if (said.type === "array") return treeOf(said.items, path);
  if (!said.properties) return null;
  const required = said.required || [];
  return h("ul", { class: "tree" }, Object.entries(said.properties).map(([key, one]) => h("li", {},
    h("code", {}, key), " ", h("span", { class: "kind" }, kindOf(current.spec, one)),
    !required.includes(key) && h("span", { class: "kind" }, ", optional"),
    resolved(current.spec, one).description && [h("span", { class: "quiet" }, "  "), h("span", { class: "quiet" }, prose(one.description))],
    treeOf(one, path))));
}

// ---- Trying a call --------------------------------------------------------------------------------------------------

class Attempt {
  constructor(call) {
    this.call = call;
    this.inputs = new Map();
    this.outcome = h("div", { "aria-live": "polite" });
    this.command = h("pre", {});
    this.button = h("button", { type: "submit" }, "Send");
    this.media = call.requestBody && call.requestBody.content["application/json"];
    this.body = this.media && h("textarea", { spellcheck: "false", "aria-label": "Body", rows: this.rows() });
    if (this.body) this.body.value = JSON.stringify(this.media.example, null, 2);
  }

  rows() {
    return Math.min(24, JSON.stringify(this.media.example, null, 2).split("\n").length + 1);
  }

  card() {
    const { call } = this;
    const form = h("form", { class: "card", onsubmit: (event) => this.send(event), oninput: () => this.tell() },
      h("h2", {}, "Try it"),
      call.parameters.length > 0 && h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, call.parameters.map((one) => this.row(one))))),
      this.body && [h("h2", {}, "Body"), this.body,
        h("details", {}, h("summary", {}, "What it may have"), h("div", { class: "inside" }, treeOf(this.media.schema) || h("p", { class: "quiet" }, kindOf(current.spec, this.media.schema))))],
      h("div", { class: "send" }, this.button), this.outcome,
      h("details", { class: "shell" }, h("summary", {}, "The same from a shell"), this.command));
    this.tell();
    return form;
  }

  row(one) {
    const schema = resolved(current.spec, one.schema);
    const input = this.input(one, schema);
    this.inputs.set(one, input);
    return h("tr", {},
      h("td", {}, h("code", {}, one.name), one.required && h("span", { class: "must" }, "required"),
        h("br"), h("span", { class: "kind" }, schema.enum ? "one of" : `${kindOf(current.spec, schema)}, ${one.in}`)),
      h("td", { class: "enter" }, input),
      h("td", { class: "quiet" }, prose(one.description)));
  }

  input(one, schema) {
    const choices = schema.enum || (schema.type === "boolean" ? [true, false] : null);
    const label = { "aria-label": one.name };
    if (choices && !one.required) {
      return h("select", label, h("option", { value: "" }, ""), choices.map((word) => h("option", { value: word }, String(word))));
    }
    const input = h("input", { ...label, required: one.required, spellcheck: "false", placeholder: one.example ?? "" });
    if (one.required) input.value = one.example ?? "";
    return input;
  }

  url() {
    let path = this.call.path;
    const query = new URLSearchParams();
    for (const [one, input] of this.inputs) {
      if (one.in === "path") path = path.replace(`{${one.name}}`, encodeURIComponent(input.value));
      else if (input.value !== "") query.append(one.name, input.value);
    }
    const asked = query.toString();
    return ROOT + path + (asked ? `?${asked}` : "");
  }

  tell() {
    const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
    const name = document.getElementById("login-name").value || "APPLICATION";
    const parts = ["curl -s -u", quoted(`${name}:SECRET`), "-X", this.call.verb.toUpperCase(), quoted(location.origin + this.url())];
    if (this.body) parts.push("\\\n  -d", quoted(this.body.value));
    this.command.textContent = parts.join(" ");
  }

  async send(event) {
    event.preventDefault();
    this.button.disabled = true;
    const began = performance.now();
    try {
      const answer = await fetch(this.url(), this.options());
      this.show(answer, await answer.blob(), performance.now() - began);
    } catch (error) {
      this.outcome.replaceChildren(h("p", { class: "status bad" }, `The call was not made: ${error.message}`));
    } finally {
      this.button.disabled = false;
    }
  }

  options() {
    const name = document.getElementById("login-name").value;
    const secret = document.getElementById("login-secret").value;
    const options = { method: this.call.verb.toUpperCase(), credentials: "omit", headers: {} };
    if (name || secret) {
      const bytes = new TextEncoder().encode(`${name}:${secret}`);
      options.headers.Authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    }
    if (this.body && this.body.value.trim()) {
      options.headers["Content-Type"] = "application/json";
      options.body = this.body.value;
    }
    return options;
  }

  async show(answer, blob, took) {
    const media = (answer.headers.get("Content-Type") || "").split(";")[0];
    const line = [h("span", { class: `status ${answer.ok ? "good" : "bad"}` }, `${answer.status} ${answer.statusText}`),
      h("span", { class: "quiet" }, ` ${media || "no content type"}, ${blob.size} bytes, ${took.toFixed(0)} ms`)];
    const hint = answer.status === 401 && h("p", { class: "notice" }, "Enter an application's id and secret at the top of the page.");
    this.outcome.replaceChildren(h("h2", {}, "Answer"), h("div", {}, line), hint || "", await shownBody(media, blob));
  }
}

async function shownBody(media, blob) {
  if (media === "application/zip") {
    return h("p", {}, h("a", { href: URL.createObjectURL(blob), download: "answer.zip" }, "Save the file"));
  }
  const text = await blob.text();
  if (media === "application/json" && text.length <= LONGEST_SHOWN) {
    try {
      return h("pre", {}, coloured(JSON.parse(text)));
    } catch {
      // Shown as it came.
    }
  }
  const rest = text.length > LONGEST_SHOWN ? `\n… and ${text.length - LONGEST_SHOWN} characters more` : "";
  return h("pre", {}, (text.slice(0, LONGEST_SHOWN) || "(nothing)") + rest);
}

const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function coloured(value) {
  const text = JSON.stringify(value, null, 2);
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon] = match;
    const name = string ? (colon ? "key" : "text") : /^[-\d]/.test(whole) ? "figure" : "word";
    parts.push(text.slice(end, match.index), h("span", { class: name }, string || whole), colon || "");
    end = match.index + whole.length;
  }
  return [...parts, text.slice(end)];
}

// ---- Where we are ---------------------------------------------------------------------------------------------------

async function arrive() {
  const [wanted, operation] = location.hash.slice(1).split("/");
  const generation = GENERATIONS.some(([name]) => name === wanted) ? wanted : GENERATIONS[0][0];
  showGenerations(generation);
  try {
    current = await documentOf(generation);
  } catch (error) {
    main.replaceChildren(h("p", { class: "status bad" }, String(error.message)));
    return;
  }
  showCalls();
  const call = current.calls.find((one) => one.operationId === operation);
  main.replaceChildren(...(call ? callPage(call) : overview()).filter(Boolean));
  document.title = call ? `${call.verb.toUpperCase()} ${call.path}` : "Godwit: management API";
  scrollTo(0, 0);
  const chosen = document.querySelector("aside a[aria-current]");
  if (chosen) chosen.scrollIntoView({ block: "nearest" });
}

filter.addEventListener("input", showCalls);
document.getElementById("login").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "TEXTAREA", "SELECT"].includes(document.activeElement.tagName)) {
    event.preventDefault();
    filter.focus();
  }
});
addEventListener("hashchange", arrive);
arrive();
