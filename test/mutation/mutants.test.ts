import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { mutated } from './mutant.ts';
import { mutantsOf } from './mutants.ts';

/** A source of the project with types, conditions and errors in it. */
const FILE = 'shared/job/options/optionvalues.ts';

test('mutants change code alone: no types, no imports, no words of errors, and each in another way', () => {
  const source = readFileSync(FILE, 'utf8');
  const mutants = mutantsOf([FILE]);
  const pieces = mutants.map(({ was, becomes }) => `${was} -> ${becomes}`);
  assert.ok(pieces.includes('us === 0 -> true'), 'a condition that always holds');
  assert.ok(pieces.includes('unit++; -> ;') && pieces.includes('++ -> --'), 'a statement, and the operator in it');
  const texts = mutants.map((mutant) => {
    assert.equal(source.slice(mutant.start, mutant.end), mutant.was);
    assert.equal(
      source
        .split('\n')
        .slice(mutant.line - 1)
        .join('\n')
        .indexOf(mutant.was) >= 0,
      true,
    );
    return mutated(source, mutant);
  });
  assert.equal(new Set(texts).size, texts.length);
  const kept = (text: string) => text.match(/throw new OptionError\([^;]*;|: string \| undefined/g)?.join();
  for (const text of texts) assert.equal(kept(text), kept(source));
});
