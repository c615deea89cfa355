/** What the documents point at is there: links, headings, and files that are named in `code`. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
/** Every file, from the root on: documents may name one by the end of its path. */
const FILES = globSync(['{cli,functions,infra,shared,test,localstack,bench,docs}/**/*.*', '*.*'], { cwd: ROOT }).map(
  (path) => `/${path}`,
);
const DOCUMENTS = globSync(['*.md', '.github/**/*.md', '{docs,infra,bench,test,localstack}/**/*.md'], {
  cwd: ROOT,
}).filter((path) => !path.includes('node_modules'));

/** A document without its fenced blocks: what stands in those is typed, not followed. */
function prose(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchors(path: string): Set<string> {
  const headings = prose(path).matchAll(/^#+ (.*)$/gm);
  return new Set(
    Array.from(headings, ([, text]) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('there are documents to look at', () => {
  assert.ok(DOCUMENTS.includes('README.md') && DOCUMENTS.includes('docs/architecture.md'), String(DOCUMENTS));
});

for (const document of DOCUMENTS) {
  test(`${document}: links lead somewhere`, () => {
    const dead = Array.from(prose(document).matchAll(/\]\(([^)\s]+)\)/g), ([, link]) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split('#');
        const target = file === '' ? document : normalize(join(dirname(document), file));
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchors(target).has(anchor);
      });
    assert.deepEqual(dead, []);
  });

  test(`${document}: files named in code are there`, () => {
    const named = Array.from(
      prose(document).matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|md|json|mjs|js|py|sh))\b/g),
      ([, path]) => path,
    );
    const missing = named.filter((path) => !path.includes('NAME') && !FILES.some((file) => file.endsWith(`/${path}`)));
    assert.deepEqual(missing, []);
  });
}
