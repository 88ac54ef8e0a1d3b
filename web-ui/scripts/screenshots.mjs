// Keeps of the screenshots that an end-to-end run has made those that docs/screens.md shows, small: Chromium makes
// WebP of them, so nothing else is needed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const FROM = new URL('../e2e/screenshots/', import.meta.url).pathname;
const TO = new URL('../../docs/screenshots/', import.meta.url).pathname;
/** Largest file, in bytes: they are in the repository for ever. */
const MAX_BYTES = 80_000;

const screens = readFileSync(new URL('../../docs/screens.md', import.meta.url), 'utf8');
const kept = [...screens.matchAll(/screenshots\/([\w-]+)\.webp/g)].map(([, name]) => name);
mkdirSync(TO, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage();
for (const name of kept) {
  const png = readFileSync(`${FROM}${name}.png`).toString('base64');
  const webp = await page.evaluate(async (encoded) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${encoded}`)).blob());
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    return canvas.toDataURL('image/webp', 0.8).split(',')[1] ?? '';
  }, png);
  const bytes = Buffer.from(webp, 'base64');
  if (bytes.length === 0 || bytes.length > MAX_BYTES)
    throw new Error(`${name}.webp has ${bytes.length} bytes`);
  writeFileSync(`${TO}${name}.webp`, bytes);
}
await browser.close();
console.log(`${kept.length} screenshots in docs/screenshots`);
