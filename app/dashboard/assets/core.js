// What every page has: htmx, polling that rests while nobody looks, toasts, confirmations, times, the menu, islands.
import htmx from "htmx.org";
import { confirmed } from "./confirm.js";
import { mountIslands } from "./island.js";
import { markTimes } from "./times.js";
import { raiseFlashed, toast } from "./toasts.js";

const words = document.body.dataset;

/** Elements with `data-poll="5"` get the event `poll` every five seconds, and none while the page is hidden. */
const asked = new WeakMap();
function poll() {
  if (document.hidden) return;
  const now = performance.now();
  for (const element of document.querySelectorAll("[data-poll]")) {
    const since = asked.get(element);
    if (since === undefined) asked.set(element, now);
    else if (now - since >= Number(element.dataset.poll) * 1000 && !isBusy(element)) {
      asked.set(element, now);
      htmx.trigger(element, "poll");
    }
  }
}

/** Replacing what somebody is reading with an open menu, or typing into, would take it from under his hands. */
function isBusy(element) {
  return element.querySelector("details[open]") !== null || element.matches(":focus-within:has(input:focus, select:focus)");
}

setInterval(poll, 1000);
document.addEventListener("visibilitychange", () => {
  for (const element of document.querySelectorAll("[data-poll]")) asked.set(element, -Infinity);
  poll();
});

document.addEventListener("htmx:load", (event) => {
  markTimes(event.target);
  mountIslands(event.target);
});

document.addEventListener("godwit:toast", (event) => toast(event.detail.text, event.detail.kind));
document.addEventListener("godwit:refresh", (event) => {
  for (const id of event.detail.ids) {
    const element = document.getElementById(id);
    if (element) htmx.trigger(element, "refresh");
  }
});

let isAway = false;
document.addEventListener("htmx:sendError", () => {
  if (!isAway) toast(words.unreachable, "danger");
  isAway = true;
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) isAway = false;
});

document.addEventListener("htmx:confirm", async (event) => {
  if (!event.detail.question) return;
  event.preventDefault();
  const menu = event.target.closest("details[open]");
  if (menu) menu.open = false;
  const isDangerous = event.target.matches("[data-danger]") || event.target.querySelector(".text-danger, .btn-outline-danger") !== null;
  if (await confirmed(event.detail.question, isDangerous)) event.detail.issueRequest(true);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-menu]");
  if (button) {
    const isOpen = document.body.classList.toggle("menu-open");
    button.setAttribute("aria-expanded", String(isOpen));
  }
  for (const open of document.querySelectorAll("details.dropdown-details[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

/** A menu at the edge of a list that scrolls would be cut off, so it is placed on the page itself, and kept there. */
function place(details) {
  const menu = details.querySelector(".dropdown-menu");
  const at = details.getBoundingClientRect();
  menu.style.position = "fixed";
  menu.style.inset = "auto";
  menu.style.left = `${Math.max(8, at.right - menu.offsetWidth)}px`;
  const below = at.bottom + 4;
  menu.style.top = `${below + menu.offsetHeight > innerHeight ? Math.max(8, at.top - menu.offsetHeight - 4) : below}px`;
}

function placeOpen() {
  for (const open of document.querySelectorAll(".table-responsive details.dropdown-details[open]")) place(open);
}

document.addEventListener("toggle", placeOpen, true);
addEventListener("scroll", placeOpen, { capture: true, passive: true });
addEventListener("resize", placeOpen, { passive: true });

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus();
});

function closeMenus() {
  for (const open of document.querySelectorAll("details.dropdown-details[open]")) {
    open.open = false;
    if (open.contains(document.activeElement)) open.querySelector("summary").focus();
  }
}

raiseFlashed();
markTimes(document);
setInterval(() => markTimes(document), 10_000);
