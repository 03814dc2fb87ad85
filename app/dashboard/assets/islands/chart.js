// A chart of what `data-source` answers: {at_s: […], series: [{name, title, values}]}; fetched again every `data-every`
// seconds, once for all charts of a page that have the same source. `data-series` names those of the series that it draws.
import uPlot from "uplot";
import { texts } from "../texts.js";

const HEIGHT = 220;
const LEAST_SPAN_S = 60;
const UNITS = {
  number: (value) => compact.format(value),
  percent: (value) => `${compact.format(value)} %`,
  bytes: (value) => {
    const step = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), 4);
    return `${compact.format(value / 1024 ** step)} ${["B", "KB", "MB", "GB", "TB"][step]}`;
  },
};
const BINARY_STEPS = Array.from({ length: 45 }, (_none, power) => 2 ** power);
const lang = document.documentElement.lang;
const compact = new Intl.NumberFormat(lang, { notation: "compact", maximumSignificantDigits: 3 });
const ofDay = new Intl.DateTimeFormat(lang, { timeStyle: "medium", hourCycle: "h23" });
const ofMonth = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function options(element, answer, t) {
  const say = UNITS[element.dataset.unit] ?? UNITS.number;
  const axis = {
    stroke: color("--godwit-axis"),
    grid: { stroke: color("--godwit-grid"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    legend: { live: true },
    scales: { x: { range: spanOf }, y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, size: 28, values: timeLabels },
      { ...axis, size: 64, incrs: element.dataset.unit === "bytes" ? BINARY_STEPS : undefined, values: (_plot, ticks) => ticks.map(say) },
    ],
    series: [
      { label: t("Time"), value: momentLabel },
      ...answer.series.map(({ title }, index) => ({
        label: title,
        stroke: color(`--godwit-series-${index + 1}`),
        fill: answer.series.length === 1 ? color("--godwit-series-fill") : undefined,
        width: 2,
        points: { show: answer.at_s.length < 3 },
        // Nobody points at a moment: the last one.
        value: (plot, value, series, at) => {
          const shown = at == null ? plot.data[series].findLast((one) => one != null) : value;
          return shown == null ? "–" : say(shown);
        },
      })),
    ],
  };
}

/** A single point would have an axis of years around it. */
function spanOf(_plot, first, last) {
  return last - first < LEAST_SPAN_S ? [last - LEAST_SPAN_S, last] : [first, last];
}

function isLong(plot) {
  return plot.scales.x.max - plot.scales.x.min > 2 * 86_400;
}

function momentLabel(plot, at) {
  return (isLong(plot) ? ofMonth : ofDay).format((at ?? plot.data[0].at(-1)) * 1000);
}

function timeLabels(plot, ticks) {
  const form = isLong(plot) ? { month: "short", day: "numeric" } : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(lang, form);
  return ticks.map((at) => format.format(at * 1000));
}

/** What sources answer, by their addresses: charts that ask while it comes, or shortly after it came, share it. */
const answers = new Map();
const SHARED_MS = 1000;

function answerOf(source) {
  const known = answers.get(source);
  if (known && performance.now() - known.cameAt < SHARED_MS) return known.answer;
  const asked = { cameAt: Infinity, answer: ask(source).finally(() => (asked.cameAt = performance.now())) };
  answers.set(source, asked);
  return asked.answer;
}

async function ask(source) {
  const answer = await fetch(source, { headers: { "HX-Request": "true" } });
  return answer.ok ? answer.json() : null;
}

/** The answer with the series of one chart alone. */
function drawnOf(answer, names) {
  if (!names) return answer;
  return { ...answer, series: names.split(" ").map((name) => answer.series.find((one) => one.name === name)) };
}

export async function mount(element) {
  const t = await texts();
  const state = { plot: null, answer: null };

  function draw() {
    state.plot?.destroy();
    element.replaceChildren();
    if (state.answer.at_s.length === 0) {
      element.append(Object.assign(document.createElement("p"), {
        className: "text-secondary chart-empty",
        textContent: t("Nothing was measured yet. The first point comes within a minute."),
      }));
      state.plot = null;
      return;
    }
    const data = [state.answer.at_s, ...state.answer.series.map(({ values }) => values)];
    state.plot = new uPlot(options(element, state.answer, t), data, element);
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", summary());
  }

  /** What the lines say, for who cannot see them. */
  function summary() {
    const say = UNITS[element.dataset.unit] ?? UNITS.number;
    const last = ({ values }) => values.findLast((value) => value !== null) ?? 0;
    return state.answer.series.map((one) => `${one.title}: ${say(last(one))}`).join(", ");
  }

  async function load() {
    if (document.hidden && state.answer) return;
    try {
      const answer = await answerOf(element.dataset.source);
      if (!answer) return;
      state.answer = drawnOf(answer, element.dataset.series);
    } catch {
      return; // The page says by itself that the node is away.
    }
    if (state.plot) {
      state.plot.setData([state.answer.at_s, ...state.answer.series.map(({ values }) => values)]);
      element.setAttribute("aria-label", summary());
    } else draw();
  }

  await load();
  const timer = setInterval(() => (element.isConnected ? load() : clearInterval(timer)), Number(element.dataset.every || 10) * 1000);
  new ResizeObserver(() => state.plot?.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  new MutationObserver(() => state.answer && draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}
