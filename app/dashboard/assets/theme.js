// Runs before the page is painted, so that a dark room stays dark: what the system prefers, where nothing was chosen.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const apply = () => {
  if (root.dataset.theme === "auto") root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
};
apply();
root.classList.add("with-script");
dark.addEventListener("change", apply);
