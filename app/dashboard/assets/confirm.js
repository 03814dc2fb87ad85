// Asking before something is done, in a dialog that keyboard and screen reader know as one.
const words = document.body.dataset;

/** Ask; resolves to whether it was confirmed. */
export function confirmed(question, isDangerous) {
  const dialog = document.createElement("dialog");
  dialog.className = "confirm";
  dialog.setAttribute("aria-labelledby", "confirm-title");
  const title = Object.assign(document.createElement("h2"), { id: "confirm-title", textContent: words.confirm });
  const text = Object.assign(document.createElement("p"), { textContent: question });
  const form = Object.assign(document.createElement("form"), { method: "dialog", className: "btn-list justify-content-end" });
  const no = Object.assign(document.createElement("button"), { className: "btn", value: "no", textContent: words.no });
  const yes = Object.assign(document.createElement("button"), {
    className: isDangerous ? "btn btn-danger" : "btn btn-primary", value: "yes", textContent: words.yes,
  });
  form.append(no, yes);
  dialog.append(title, text, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    dialog.showModal();
  });
}
