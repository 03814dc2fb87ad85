// An editor for statements over a plain text area, which stays what the form sends: `<div data-island="sql"
// data-columns="clientid payload …" data-functions="…"><textarea name="rawsql">…</textarea></div>`.
import { autocompletion } from "@codemirror/autocomplete";
import { SQLDialect, sql } from "@codemirror/lang-sql";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { indentWithTab } from "@codemirror/commands";
import { basicSetup } from "codemirror";

const KEYWORDS = "select from where foreach do incase as and or not in case when then else end div mod is null like";

export async function mount(element) {
  const area = element.querySelector("textarea");
  const listed = (name) => (element.dataset[name] ?? "").split(/\s+/).filter(Boolean);
  const words = [
    ...listed("columns").map((label) => ({ label, type: "variable" })),
    ...listed("functions").map((label) => ({ label, type: "function", apply: `${label}(` })),
    ...KEYWORDS.split(" ").map((label) => ({ label: label.toUpperCase(), type: "keyword" })),
  ];
  const complete = (context) => {
    const word = context.matchBefore(/[\w$]+/);
    return word || context.explicit ? { from: word ? word.from : context.pos, options: words, validFor: /^[\w$]*$/ } : null;
  };
  const dialect = SQLDialect.define({
    keywords: KEYWORDS, builtin: listed("functions").join(" "), doubleQuotedStrings: false, backslashEscapes: true,
  });
  const view = new EditorView({
    parent: element,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        basicSetup,
        keymap.of([indentWithTab]),
        sql({ dialect, upperCaseKeywords: true }),
        autocompletion({ override: [complete] }),
        EditorView.lineWrapping,
        EditorView.cspNonce.of(document.querySelector("meta[name=style-nonce]")?.content ?? ""),
        EditorView.contentAttributes.of({ "aria-label": area.labels[0]?.textContent ?? area.name }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    }),
  });
  area.hidden = true;
  // Buttons such as "insert the example" write into the area.
  area.addEventListener("godwit:set", () =>
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: area.value } }),
  );
}
