// Compresses what was built, once and as well as it goes, and holds the first screen to its budget.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const BUDGET = 250 * 1024;
const dist = new URL('../dist/', import.meta.url).pathname;
const sizes = new Map();

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

for (const path of files(dist)) {
  if (!/\.(html|js|css|svg|json)$/.test(path)) continue;
  const bytes = readFileSync(path);
  const br = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  writeFileSync(`${path}.br`, br);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  sizes.set(path.slice(dist.length), br.length);
}

// The first screen: the page and all that it names itself.
const page = readFileSync(join(dist, 'index.html'), 'utf8');
const first = ['index.html', ...[...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1])];
const total = first.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
console.log(`first screen: ${(total / 1024).toFixed(1)} KB compressed (budget ${BUDGET / 1024} KB)`);
if (total > BUDGET) {
  console.error('The first screen is over its budget: load a page or a library lazily.');
  process.exit(1);
}
