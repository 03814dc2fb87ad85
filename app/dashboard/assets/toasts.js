// Results and errors, said in a corner and to screen readers; errors stay until they are closed.
const SHOWN_MS = 6000;
const corner = document.getElementById("toasts");

export function toast(text, kind = "info") {
  const shown = document.createElement("div");
  shown.className = "godwit-toast";
  shown.dataset.kind = kind;
  if (kind === "danger") shown.setAttribute("role", "alert");
  raise(shown, text);
  corner.append(shown);
}

function raise(shown, text) {
  const words = Object.assign(document.createElement("span"), { textContent: text });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "btn-close", ariaLabel: document.body.dataset.close });
  close.addEventListener("click", () => shown.remove());
  shown.replaceChildren(words, close);
  if (shown.dataset.kind !== "danger") setTimeout(() => shown.remove(), SHOWN_MS);
}

/** What the server said with the page gets a button and an end, too. */
export function raiseFlashed() {
  for (const shown of corner.children) raise(shown, shown.textContent);
}
