// Islands: `<div data-island="chart" …>` loads `islands/chart.js` and hands the element to its `mount`. A page that has
// none loads none.
const mounted = new WeakSet();

export async function mountIslands(within) {
  const found = [...(within.querySelectorAll?.("[data-island]") ?? [])];
  if (within.matches?.("[data-island]")) found.push(within);
  for (const element of found) {
    if (mounted.has(element)) continue;
    mounted.add(element);
    const island = await import(`./islands/${element.dataset.island}.js`);
    await island.mount(element);
  }
}
