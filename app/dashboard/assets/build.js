// Bundles what browsers load: `make assets`. Each file's name carries a hash of what is in it, and
// manifest.json, written last, tells the pages which is which.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { PurgeCSS } from "purgecss";

const assets = dirname(fileURLToPath(import.meta.url));
const dashboard = dirname(assets);
const root = join(dashboard, "..", "..");
const dist = join(dashboard, "static", "dist");
const draft = `${dist}.new`;
const manifest = {};

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

function keep(name, content) {
  const dot = name.lastIndexOf(".");
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  manifest[name] = `${name.slice(0, dot)}-${hash}${name.slice(dot)}`;
  writeFileSync(join(draft, manifest[name]), content);
}

const sources = [
  ...filesBelow(join(dashboard, "templates"), ".html"),
  ...filesBelow(dashboard, ".py"),
  ...filesBelow(assets, ".js"),
];

/** The icons that pages name, and no others, in one file. */
function sprite() {
  const outline = join(root, "node_modules", "@tabler", "icons", "icons", "outline");
  const text = sources.map((path) => readFileSync(path, "utf-8")).join("\n");
  // Any word in quotes may be an icon's name: tables of pages hold them, too.
  const words = new Set(Array.from(text.matchAll(/["']([a-z0-9]+(?:-[a-z0-9]+)*)["']/g), (match) => match[1]));
  const symbols = [];
  for (const name of Array.from(words).sort()) {
    const file = join(outline, `${name}.svg`);
    if (!existsSync(file)) continue;
    const inner = readFileSync(file, "utf-8").replace(/<!--[\s\S]*?-->/g, "").replace(/<svg[\s\S]*?>/, "").replace("</svg>", "");
    const drawn = inner.replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "").replace(/\s*\n\s*/g, "");
    symbols.push(
      `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
        `stroke-linecap="round" stroke-linejoin="round">${drawn}</symbol>`,
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`;
}

async function styles(entry) {
  const built = await esbuild.build({
    entryPoints: [entry], bundle: true, write: false, external: ["*.woff2", "*.woff"], logLevel: "warning",
  });
  const [purged] = await new PurgeCSS().purge({
    content: sources,
    css: [{ raw: built.outputFiles[0].text }],
    // Names that are put together: badges by kind, alerts by kind, what scripts and libraries add.
    safelist: {
      standard: [/^status-/, /^alert-/, /^toast/, /^phone-hides-/, /^htmx-/, /^u-/, /^cm-/, /^bg-.*-lt$/, /^text-/, "show", "active", "disabled"],
      greedy: [/data-bs-theme/],
    },
    variables: false,
  });
  const small = await esbuild.transform(purged.css, { loader: "css", minify: true });
  return small.code;
}

async function scripts() {
  const islands = filesBelow(join(assets, "islands"), ".js").map((path) => ({
    in: path, out: `islands/${basename(path, ".js")}`,
  }));
  const built = await esbuild.build({
    entryPoints: [{ in: join(assets, "core.js"), out: "core" }, ...islands],
    bundle: true, splitting: true, format: "esm", minify: true, target: "es2022", metafile: true,
    outdir: draft, entryNames: "[dir]/[name]-[hash]", chunkNames: "chunks/[name]-[hash]",
    external: ["*.woff2"], define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning",
  });
  for (const [path, output] of Object.entries(built.metafile.outputs)) {
    const name = path.slice(path.indexOf("dist.new/") + "dist.new/".length);
    if (output.entryPoint && name.endsWith(".js")) {
      const island = output.entryPoint.match(/islands\/(.+)\.js$/);
      manifest[island ? `islands/${island[1]}.js` : "core.js"] = name;
      if (island && output.cssBundle) {
        const css = output.cssBundle;
        manifest[`islands/${island[1]}.css`] = css.slice(css.indexOf("dist.new/") + "dist.new/".length);
      }
    }
  }
  const theme = await esbuild.build({
    entryPoints: [join(assets, "theme.js")], bundle: true, write: false, minify: true, format: "iife",
  });
  keep("theme.js", theme.outputFiles[0].text);
}

rmSync(draft, { recursive: true, force: true });
mkdirSync(draft, { recursive: true });
await scripts();
keep("core.css", await styles(join(assets, "core.css")));
keep("icons.svg", sprite());
keep("godwit.svg", readFileSync(join(dashboard, "..", "api", "static", "godwit.svg")));
writeFileSync(join(draft, "manifest.json"), JSON.stringify(manifest, null, 2));
rmSync(dist, { recursive: true, force: true });
mkdirSync(dirname(dist), { recursive: true });
renameSync(draft, dist);
