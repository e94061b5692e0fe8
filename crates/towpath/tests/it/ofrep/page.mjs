// What a page does with the real provider for pages: a line with JSON in, a line with JSON out. Statuses of requests are told, too.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(process.argv[2] + '/');
const { OpenFeature, ProviderEvents } = require('@openfeature/web-sdk');
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');
const [url, key] = process.argv.slice(3);
OpenFeature.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
let statuses = [];
const fetchImplementation = async (...request) => {
  try {
    const response = await fetch(...request);
    statuses.push(response.status);
    return response;
  } catch (error) {
    statuses.push(0);
    throw error;
  }
};
// Streams are other tests' subject: here it polls.
const options = { baseUrl: url, headers: [['X-API-Key', key]], pollInterval: 100, changeDetection: 'polling', fetchImplementation };
const provider = new OFREPWebProvider(options);
const seen = [];
for (const event of [ProviderEvents.ConfigurationChanged, ProviderEvents.Stale, ProviderEvents.Error]) {
  OpenFeature.addHandler(event, (details) => seen.push([event, details?.flagsChanged ?? []]));
}
let failed = null;
await OpenFeature.setContext({ targetingKey: 'u' });
try {
  await OpenFeature.setProviderAndWait(provider);
} catch (error) {
  failed = error.code ?? error.name;
}
const client = OpenFeature.getClient();
const kinds = { bool: 'getBooleanDetails', text: 'getStringDetails', int: 'getNumberDetails', object: 'getObjectDetails' };
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.context) await OpenFeature.setContext(asked.context);
  if (asked.flag) {
    const found = client[kinds[asked.kind]](asked.flag, asked.default);
    console.log(JSON.stringify({ value: found.value, variant: found.variant, reason: found.reason, error: found.errorCode, metadata: found.flagMetadata }));
  } else {
    console.log(JSON.stringify({ failed, seen, statuses, status: client.providerStatus }));
    statuses = [];
  }
}
process.exit(0);
