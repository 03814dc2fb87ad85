// What was typed, as mqtt.js takes it: nothing stands for what is not wanted.
export function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined && value !== null));
}

export function integers(fields, names) {
  return Object.fromEntries(names.map((name) => [name, fields[name].value === "" ? undefined : Number(fields[name].value)]));
}

/** Lines of `key: value`; one key may come several times. */
export function userProperties(text) {
  const found = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(":");
    if (at < 1) continue;
    const [key, value] = [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    found[key] = key in found ? [found[key], value].flat() : value;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}
