// A service that evaluates flags with the real provider: a line with JSON in, a line with JSON out.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const require = createRequire(process.argv[2] + '/');
const { OpenFeature } = require('@openfeature/server-sdk');
const { OFREPProvider } = require('@openfeature/ofrep-provider');
const [url, key] = process.argv.slice(3);
OpenFeature.setLogger({ error() {}, warn() {}, info() {}, debug() {} });
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url, headers: [['Authorization', `Bearer ${key}`]] }));
const client = OpenFeature.getClient();
const kinds = { bool: 'getBooleanDetails', text: 'getStringDetails', int: 'getNumberDetails', float: 'getNumberDetails', object: 'getObjectDetails' };
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const found = await client[kinds[asked.kind]](asked.flag, asked.default, asked.context ?? {});
  console.log(JSON.stringify({ value: found.value, variant: found.variant, reason: found.reason, error: found.errorCode, metadata: found.flagMetadata }));
}
