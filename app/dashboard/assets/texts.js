// Texts for islands: `const t = await texts()`, then call `t` with the English text and the values in it.
let said;

async function load() {
  const { language, root } = document.documentElement.dataset;
  if (language === "en") return {};
  const answer = await fetch(`${root}/texts/${language}.json`);
  return answer.ok ? answer.json() : {};
}

export async function texts() {
  said ??= load();
  const catalogue = await said;
  return (text, values = {}) =>
    (catalogue[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
