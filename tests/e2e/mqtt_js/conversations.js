// mqtt.js in conversation with a server. `node conversations.js NAME OPTIONS` holds one of them and
// prints, as JSON, what the client saw; what is right is the business of test_clients_mqtt_js.py.
import { connect as open, connectAsync } from "mqtt";

const [name, text] = process.argv.slice(2);
const { url, version, topic, qos } = JSON.parse(text);
const opened = [];

function options(clientId, more) {
  return { clientId, protocolVersion: version, reconnectPeriod: 0, ...more };
}

async function connect(clientId, more = {}) {
  const client = await connectAsync(url, options(clientId, more));
  opened.push(client);
  return client;
}

function seen(topic, payload, packet) {
  const { qos, retain, dup, properties } = packet;
  const correlation = properties?.correlationData?.toString("hex");
  const told = properties && { ...properties, ...(correlation && { correlationData: correlation }) };
  return { topic, payload: payload.toString("latin1"), qos, retain, dup, properties: told };
}

// The next messages of a client; listen before what brings them about.
function messages(client, count) {
  return new Promise((resolve) => {
    const all = [];
    const listen = (...message) => {
      all.push(seen(...message));
      if (all.length === count) {
        client.off("message", listen);
        resolve(all);
      }
    };
    client.on("message", listen);
  });
}

const conversations = {
  async echo() {
    const client = await connect(topic);
    const granted = await client.subscribeAsync(`${topic}/+`, { qos });
    const coming = messages(client, 1);
    await client.publishAsync(`${topic}/x`, Buffer.from([0, 255]), { qos });
    return { granted: granted[0].qos, messages: await coming };
  },

  async retained() {
    const client = await connect(topic);
    await client.publishAsync(topic, "kept", { qos: 1, retain: true });
    const kept = messages(client, 1);
    await client.subscribeAsync(topic, { qos: 1 });
    const [first] = await kept;
    const removal = messages(client, 1);
    await client.publishAsync(topic, "", { qos: 1, retain: true });
    return { messages: [first, ...(await removal)] };
  },

  async will() {
    const watcher = await connect(`${topic}-watch`);
    await watcher.subscribeAsync(topic, { qos: 2 });
    const coming = messages(watcher, 1);
    const doomed = await connect(topic, { will: { topic, payload: "gone", qos: 2 } });
    doomed.stream.destroy();
    return { messages: await coming };
  },

  async leave() {
    const watcher = await connect(`${topic}-watch`);
    await watcher.subscribeAsync(`${topic}/#`, { qos: 1 });
    const coming = messages(watcher, 1);
    const leaving = await connect(topic, { will: { topic: `${topic}/will`, payload: "gone", qos: 1 } });
    await leaving.endAsync();
    await watcher.publishAsync(`${topic}/end`, "end", { qos: 1 });
    return { messages: await coming };
  },

  async properties() {
    const client = await connect(topic);
    await client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 300 } });
    const coming = messages(client, 1);
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
      contentType: "text/plain",
      responseTopic: "answer/here",
      correlationData: Buffer.from([0, 1]),
      userProperties: { b: ["2", "3"], a: "1" },
    };
    await client.publishAsync(topic, "x", { qos: 1, properties });
    return { messages: await coming };
  },

  async resume() {
    const keep = version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
    const first = await connect(topic, { clean: false, ...keep });
    await first.subscribeAsync(topic, { qos: 2 });
    await first.endAsync();
    const other = await connect(`${topic}-other`);
    await other.publishAsync(topic, "missed", { qos: 2 });
    // What was missed comes right behind CONNACK: the ears are there before the connection.
    const second = open(url, options(topic, { clean: false }));
    opened.push(second);
    const coming = messages(second, 1);
    const connack = new Promise((resolve) => second.once("connect", resolve));
    const present = (await connack).sessionPresent;
    return { messages: await coming, present };
  },

  async many() {
    const client = await connect(topic);
    await client.subscribeAsync(topic, { qos });
    const coming = messages(client, 500);
    // mqtt.js does not heed the server's Receive Maximum of 32, so we stay below it.
    for (let start = 0; start < 500; start += 25) {
      const round = Array.from({ length: 25 }, (_, i) => `${start + i}`);
      await Promise.all(round.map((payload) => client.publishAsync(topic, payload, { qos })));
    }
    return { messages: await coming };
  },

  async large() {
    const client = await connect(topic);
    await client.subscribeAsync(topic, { qos: 1 });
    const coming = messages(client, 1);
    const payload = Buffer.alloc(200_000, "0123456789");
    await client.publishAsync(topic, payload, { qos: 1 });
    return { messages: await coming };
  },
};

const result = await conversations[name]();
await Promise.all(opened.map((client) => client.endAsync(true)));
console.log(JSON.stringify(result));
