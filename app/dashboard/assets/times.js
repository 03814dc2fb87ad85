// Moments in the viewer's zone and words: "5 minutes ago", and the exact time for whoever points at it.
const tag = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

export function ago(at, now = Date.now()) {
  let value = (at - now) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(value) < size) return relative.format(Math.trunc(value), unit);
    value /= size;
  }
  return exact.format(at);
}

export function markTimes(within) {
  for (const time of within.querySelectorAll?.("time[data-relative]") ?? []) {
    const at = Date.parse(time.dateTime);
    time.textContent = ago(at);
    time.title = exact.format(at);
  }
  // In the middle of a sentence.
  for (const time of within.querySelectorAll?.("time[data-exact]") ?? []) time.textContent = exact.format(Date.parse(time.dateTime));
}
