/** The SQL that a command was given: as an operand, by the name of a saved query, or on standard input. */
import { fstatSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { SAVED_QUERIES } from '../../shared/views/index.ts';
import { commandName } from '../text/format.ts';
import { UsageError } from '../usage/usage.ts';

const STDIN = 0;
/** The operand that stands for standard input. */
const FROM_STDIN = '-';

const WANTED = 'sql: give one query, in quotes, with --query or on standard input';

/**
 * @param saved name of a saved query
 * @throws UsageError when there is none, or more than one; the system's error when standard input cannot be read
 */
export async function givenQuery(operands: readonly string[], saved: string | undefined): Promise<string> {
  if (operands.length + (saved === undefined ? 0 : 1) > 1) throw new UsageError(WANTED);
  if (saved !== undefined) return savedQuery(saved);
  const [operand] = operands;
  if (operand !== undefined && operand !== FROM_STDIN) return notEmpty(operand, 'the query is empty');
  if (operand === undefined && !isFed()) throw new UsageError(WANTED);
  return notEmpty(await text(process.stdin), 'standard input is empty, give one query');
}

/** Whether something was put at standard input: a pipe or a file, not a terminal or /dev/null. */
function isFed(): boolean {
  try {
    return !fstatSync(STDIN).isCharacterDevice();
  } catch {
    // It is closed.
    return false;
  }
}

function notEmpty(query: string, otherwise: string): string {
  if (query.trim() !== '') return query;
  throw new UsageError(`sql: ${otherwise}: write SQL such as "select * from sessions limit 10"`);
}

/** @throws UsageError when there is none of that name */
async function savedQuery(name: string): Promise<string> {
  const query = SAVED_QUERIES.find((candidate) => candidate.name === name);
  if (query !== undefined) return query.sql;
  const { nameLike } = await import('../usage/commandline.ts');
  const meant = nameLike(
    name,
    SAVED_QUERIES.map((each) => each.name),
  );
  throw new UsageError(
    `sql: there is no saved query '${name}'${meant === undefined ? '' : `, did you mean ${meant}?`}; ${commandName()} sql --queries lists them`,
  );
}
