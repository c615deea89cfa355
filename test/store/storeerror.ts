/** Assertions on errors of a store. */
import assert from 'node:assert/strict';
import { StoreError } from '../../shared/store/objectstore.ts';

/** For assert.rejects: a StoreError of that reason whose message has all of the words. */
export function isStoreError(reason: StoreError['reason'], ...words: string[]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.reason, reason, error.message);
    for (const word of words) assert.ok(error.message.includes(word), `'${word}' in: ${error.message}`);
    return true;
  };
}
