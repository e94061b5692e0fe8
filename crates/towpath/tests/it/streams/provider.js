// A service, or a page, with a provider of flagd or OFREP for JavaScript: says what it gets, and when it hears of a change.
//
//     node provider.js KIND < settings and replies
"use strict";

const readline = require("node:readline");
const http = require("node:http");

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const line = async () => (await lines.next()).value;

async function ask(what) {
  console.log(`ask ${what}`);
  if ((await line()) !== "ok") throw new Error("nobody answers");
}

/** As much of a browser's EventSource as the provider uses; this Node.js has none of its own. */
class EventSource {
  constructor(url) {
    this.url = url;
    this.listeners = {};
    this.last = "";
    this.readyState = 0;
    this.connect();
  }
  addEventListener(name, listener) {
    (this.listeners[name] ??= []).push(listener);
  }
  emit(name, event) {
    for (const listener of this.listeners[name] ?? []) listener(event);
  }
  close() {
    this.readyState = 2;
    this.request?.destroy();
  }
  again() {
    if (this.readyState === 2) return;
    this.readyState = 0;
    this.emit("error", {});
    setTimeout(() => this.readyState !== 2 && this.connect(), this.retry ?? 1000);
  }
  connect() {
    const headers = { accept: "text/event-stream", ...(this.last && { "last-event-id": this.last }) };
    this.request = http.get(this.url, { headers }, (response) => {
      if (response.statusCode !== 200) {
        this.readyState = 2;
        return this.emit("error", {});
      }
      this.readyState = 1;
      this.emit("open", {});
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
        let end;
        while ((end = text.indexOf("\n\n")) >= 0) {
          const fields = {};
          for (const row of text.slice(0, end).split("\n")) {
            const [, name, value] = row.match(/^([^:]*): ?(.*)$/);
            if (name) fields[name] = value;
          }
          text = text.slice(end + 2);
          if (fields.id !== undefined) this.last = fields.id;
          if (fields.retry) this.retry = Number(fields.retry);
          if (fields.data) this.emit("message", { data: fields.data });
        }
      });
      response.on("close", () => this.again());
    });
    this.request.on("error", () => this.readyState === 0 && this.again());
  }
}

async function main() {
  const kind = process.argv[2];
  const settings = JSON.parse(await line());
  const context = (plan) => ({ targetingKey: "u", plan });
  const page = kind === "web" || kind === "ofrep";
  const { OpenFeature, ProviderEvents } = require(page ? "@openfeature/web-sdk" : "@openfeature/server-sdk");
  let provider;
  if (kind === "web") {
    const { FlagdWebProvider } = require("@openfeature/flagd-web-provider");
    const withKey = (next) => (request) => (request.header.set("x-api-key", settings.key), next(request));
    provider = new FlagdWebProvider({ host: "127.0.0.1", port: settings.port, tls: false, interceptors: [withKey] });
  } else if (kind === "ofrep") {
    globalThis.EventSource = EventSource;
    const { OFREPWebProvider } = require("@openfeature/ofrep-web-provider");
    const baseUrl = `http://127.0.0.1:${settings.port}`;
    provider = new OFREPWebProvider({ baseUrl, headersFactory: () => [["x-api-key", settings.key]] });
  } else {
    const { FlagdProvider } = require("@openfeature/flagd-provider");
    const selector = `flagSetId=${settings.environment},key=${settings.key}`;
    const authority = { defaultAuthority: `${settings.key}.flags` };
    const how = kind === "rpc" ? authority : { selector };
    const common = { host: "127.0.0.1", port: settings.port, deadlineMs: 10000, streamDeadlineMs: 0 };
    const patience = { retryBackoffMs: 200, retryBackoffMaxMs: 200 };
    provider = new FlagdProvider({ ...common, ...patience, ...how, resolverType: kind });
  }
  if (page) await OpenFeature.setContext(context("free"));
  await OpenFeature.setProviderAndWait(provider);
  const client = OpenFeature.getClient();
  const greeting = async (plan) => {
    if (page) await OpenFeature.setContext(context(plan));
    const args = page ? ["greeting", "default"] : ["greeting", "default", context(plan)];
    const details = await client.getStringDetails(...args);
    return [details.value, details.variant, details.reason];
  };
  const object = page ? client.getObjectValue("look", {}) : await client.getObjectValue("look", {}, context("free"));
  const limit = page ? client.getNumberValue("limit", 0) : await client.getNumberValue("limit", 0, context("free"));
  const paid = await greeting("paid");
  const first = [await greeting("free"), paid, limit, object];
  await new Promise((resolve) => setTimeout(resolve, 500));
  let heard;
  const changed = new Promise((resolve) => (heard = resolve));
  client.addHandler(ProviderEvents.ConfigurationChanged, () => heard());
  await ask("change");
  const began = performance.now();
  const late = setTimeout(() => {
    console.error("no change was heard of");
    process.exit(1);
  }, 20000);
  await changed;
  clearTimeout(late);
  const heardMs = performance.now() - began;
  const then = await (page ? client.getStringDetails("greeting", "default").value : greeting("free").then(([it]) => it));
  console.log(JSON.stringify({ first, heardMs, then }));
  process.exit(0);
}

main();
