// An editor for statements over a plain text area, which stays what the form sends: `<div data-island="sql"
// data-words="/rules/language" data-check="/rules/check"><textarea name="rawsql">…</textarea><p class="sql-problem"></p></div>`.
// `data-words` answers events with their columns and functions with their signatures, `data-check` where a text goes wrong.
import { autocompletion } from "@codemirror/autocomplete";
import { SQLDialect, sql } from "@codemirror/lang-sql";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { texts } from "../texts.js";

const KEYWORDS = "select from where foreach do incase as and or not in case when then else end div mod";
const CHECK_AFTER_MS = 400;
const MESSAGES = "$events/message_publish";

// Colours are variables, so that the theme of the page is the editor's, too.
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--sql-keyword)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--sql-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--sql-number)" },
  { tag: tags.standard(tags.name), color: "var(--sql-function)" },
  { tag: [tags.lineComment, tags.blockComment], color: "var(--sql-comment)", fontStyle: "italic" },
]);

function columnsOf(events, text) {
  const named = Object.keys(events).filter((topic) => text.includes(`"${topic}`));
  const found = named.length ? named : [MESSAGES];
  return [...new Set(found.flatMap((topic) => events[topic]?.columns ?? []))];
}

function completion({ events, functions }, t) {
  const fixed = [
    ...Object.entries(functions).map(([label, detail]) => ({
      label, detail: detail.slice(label.length), type: "function", apply: `${label}(`,
    })),
    ...KEYWORDS.split(" ").map((label) => ({ label: label.toUpperCase(), type: "keyword" })),
  ];
  const topics = Object.entries(events)
    .filter(([topic]) => topic !== MESSAGES)
    .map(([topic, event]) => ({ label: topic, detail: event.title, type: "namespace" }));
  return (context) => {
    const name = context.matchBefore(/"[$\w/]*/);
    if (name) return { from: name.from + 1, options: topics, validFor: /^[$\w/]*$/ };
    const word = context.matchBefore(/\w+/);
    if (!word && !context.explicit) return null;
    const columns = columnsOf(events, context.state.doc.toString());
    const options = [...columns.map((label) => ({ label, type: "variable", detail: t("column"), boost: 2 })), ...fixed];
    return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ };
  };
}

async function problemOf(address, rawsql, token) {
  const answer = await fetch(address, {
    method: "POST", headers: { ...token, "HX-Request": "true" }, body: new URLSearchParams({ rawsql }),
  });
  return answer.ok ? (await answer.json()).problem : null;
}

export async function mount(element) {
  const area = element.querySelector("textarea");
  const told = element.querySelector(".sql-problem");
  const token = JSON.parse(document.body.getAttribute("hx-headers"));
  const [t, words] = await Promise.all([texts(), fetch(element.dataset.words).then((answer) => answer.json())]);
  let waiting = 0;

  async function check(view) {
    const text = view.state.doc.toString();
    const problem = await problemOf(element.dataset.check, text, token);
    if (view.state.doc.toString() !== text) return;
    told.hidden = problem === null;
    told.textContent = problem?.text ?? "";
    const found = [];
    if (problem) {
      const line = view.state.doc.line(Math.min(problem.line, view.state.doc.lines));
      const at = Math.min(line.from + problem.column - 1, line.to);
      const word = view.state.wordAt(at);
      // What is missing at an end has no letter of its own; the one before it is underlined.
      const from = word?.from ?? (at === line.to ? Math.max(line.from, at - 1) : at);
      found.push({ from, to: word?.to ?? Math.max(from + 1, at), severity: "error", message: problem.text });
    }
    view.dispatch(setDiagnostics(view.state, found.map((one) => ({ ...one, to: Math.min(one.to, view.state.doc.length) }))));
  }

  const dialect = SQLDialect.define({
    keywords: KEYWORDS, builtin: Object.keys(words.functions).join(" "), doubleQuotedStrings: false, backslashEscapes: false,
  });
  const view = new EditorView({
    parent: element,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        basicSetup,
        keymap.of([indentWithTab]),
        sql({ dialect, upperCaseKeywords: true }),
        Prec.highest(syntaxHighlighting(colours)),
        autocompletion({ override: [completion(words, t)] }),
        lintGutter(),
        EditorView.lineWrapping,
        EditorView.cspNonce.of(document.querySelector("meta[name=style-nonce]")?.content ?? ""),
        EditorView.contentAttributes.of({ "aria-label": area.labels[0]?.textContent ?? area.name }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
          clearTimeout(waiting);
          waiting = setTimeout(check, CHECK_AFTER_MS, update.view);
        }),
      ],
    }),
  });
  element.prepend(view.dom);
  area.hidden = true;
  area.required = false; // A field that nobody sees must not hold the form back; the server says it.
  await check(view);
}
