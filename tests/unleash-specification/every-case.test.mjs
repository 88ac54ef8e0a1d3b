// Unleash's client specification: what it says of every flag and context must be what OFREP answers after an import.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Usher } from '../ofrep-clients/node/usher.mjs';

const FOLDER = fileURLToPath(import.meta.resolve('@unleash/client-specification/specifications/index.json'));
const read = (name) => JSON.parse(readFileSync(join(FOLDER, '..', name), 'utf8'));
/** All that version 6.1.0 has: a case that is no longer found would otherwise look like one that passes. */
const CASES = 279;

const run = promisify(execFile);
let count = 0;

for (const name of read('index.json')) {
  const { name: title, state, tests = [], variantTests = [] } = read(name);
  describe(title, () => {
    let usher;
    let secret;
    const folder = mkdtempSync(join(tmpdir(), 'usher-unleash-'));

    before(async () => {
      usher = await Usher.empty();
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(state));
      const words = ['import', 'unleash', file, '--environment', 'production', '--strict'];
      await run(process.env.USHER_BIN, words, { env: usher.commands });
      ({ secret } = await usher.key('server'));
    });

    after(async () => {
      await usher?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    /** What OFREP answers; a flag that is not there is one that is off. */
    const ask = async (flag, { properties, ...context }) => {
      const response = await fetch(`${usher.url}/ofrep/v1/evaluate/flags/${encodeURIComponent(flag)}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ context: { ...properties, ...context } }),
      });
      const answer = await response.json();
      if (answer.errorCode === 'FLAG_NOT_FOUND') return { variant: 'disabled', metadata: { enabled: false } };
      assert.equal(response.status, 200, JSON.stringify(answer));
      return answer;
    };

    for (const { description, toggleName, context, expectedResult } of tests) {
      count += 1;
      test(description, async () => {
        const answer = await ask(toggleName, context);
        assert.equal(answer.metadata.enabled, expectedResult, JSON.stringify(answer));
        // A flag without variants is a boolean one.
        if (typeof answer.value === 'boolean') assert.equal(answer.value, expectedResult);
      });
    }

    for (const { description, toggleName, context, expectedResult: expected } of variantTests) {
      count += 1;
      test(description, async () => {
        const { value, variant, metadata } = await ask(toggleName, context);
        assert.equal(metadata.enabled, expected.feature_enabled);
        // A boolean flag has no variants: in Unleash's words, its variant is disabled.
        const found = typeof value === 'boolean' ? 'disabled' : variant;
        assert.equal(found, expected.name);
        if (expected.payload === undefined) return;
        const given = { string: String, number: Number, object: JSON.parse }[typeof value];
        assert.deepEqual(value, given(expected.payload.value));
      });
    }
  });
}

test('no case is left out', () => assert.equal(count, CASES));
