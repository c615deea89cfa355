/**
 * Which SQL is allowed over results. DuckDB's settings keep a query from other files and are locked, but not all of
 * DuckDB respects them: COPY may overwrite readable files, INSTALL uses the network, log and profile files are
 * written anywhere, and some functions end the process. So only statements that read, or that
 * create and change tables in memory, are allowed, and functions that do more than read are refused by name.
 * Secrets are neither shown nor changed.
 */
import { type DuckDBConnection, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';

/** SQL that is not allowed, whatever the settings. */
export class RefusedSql extends Error {
  override name = 'RefusedSql';
}

const PERMITTED = new Set<StatementType>([
  StatementType.SELECT,
  StatementType.EXPLAIN,
  StatementType.CREATE,
  StatementType.ALTER,
  StatementType.DROP,
  StatementType.INSERT,
  StatementType.UPDATE,
  StatementType.DELETE,
  StatementType.MERGE_INTO,
  StatementType.TRANSACTION,
  StatementType.VARIABLE_SET,
  // Of variables; the settings are locked.
  StatementType.SET,
]);

/**
 * Functions that write, print, dereference memory addresses, crash on deeply nested text, show credentials,
 * or run SQL that cannot be checked before. DuckDB's names have one spelling, and no escapes.
 */
const REFUSED_FUNCTIONS = [
  'enable_logging',
  'enable_profiling',
  'arrow_scan',
  'arrow_scan_dumb',
  'sql_auto_complete',
  'check_peg_parser',
  'json_execute_serialized_sql',
  'json_structure',
  'json_merge_patch',
  'duckdb_secrets',
  'which_secret',
];
const REFUSED_NAME = new RegExp(`\\b(${REFUSED_FUNCTIONS.join('|')})\\b`, 'i');
/** White space as DuckDB sees it: invisible characters of Unicode count. */
const SPACE = /[\s\p{Z}\p{Cf}]+/uy;
/**
 * The one function that runs SQL from text and can be checked: what it reads is in the plan. A comment may precede its
 * parenthesis; a match that is no call only costs a look at the plan.
 */
const QUERY_CALL = /\bquery"?[\s\p{Z}\p{Cf}]*(?:\(|\/\*|--)/iu;
/** A secret says where requests go and with whose credentials. No column has this name. */
const SECRET = /\bsecrets?\b/i;
const READ = /(?:SELECT|FROM|WITH|VALUES|TABLE|PIVOT|UNPIVOT|SUMMARIZE|DESCRIBE)\b/iy;

/** The next token at or after `at`. Block comments nest; a line comment ends at LF or CR. */
function pastBlank(sql: string, at: number): number {
  for (;;) {
    SPACE.lastIndex = at;
    if (SPACE.test(sql)) at = SPACE.lastIndex;
    if (sql.startsWith('--', at)) {
      while (at < sql.length && sql[at] !== '\n' && sql[at] !== '\r') at++;
    } else if (sql.startsWith('/*', at)) {
      let depth = 0;
      do {
        if (sql.startsWith('/*', at)) {
          depth++;
          at += 2;
        } else if (sql.startsWith('*/', at)) {
          depth--;
          at += 2;
        } else at++;
      } while (depth > 0 && at < sql.length);
    } else return at;
  }
}

/** The token after the one at `at`, which must match; otherwise undefined. @param token sticky */
function past(token: RegExp, sql: string, at: number): number | undefined {
  token.lastIndex = at;
  return token.test(sql) ? pastBlank(sql, token.lastIndex) : undefined;
}

/** The query that EXPLAIN explains; undefined for any other SQL. The statement that EXPLAIN ANALYZE runs has no type of its own. */
function explainedAt(sql: string): number | undefined {
  let at = past(/EXPLAIN\b/iy, sql, pastBlank(sql, 0));
  if (at === undefined) return undefined;
  at = past(/ANALYZE\b/iy, sql, at) ?? at;
  const options = past(/\((?:\w|[\s,])*\)/y, sql, at);
  if (options !== undefined && isRead(sql, options)) return options;
  return isRead(sql, at) ? at : undefined;
}

/** Whether a query begins at `at`, in parentheses or not. */
function isRead(sql: string, at: number): boolean {
  for (let next = past(/\(/y, sql, at); next !== undefined; next = past(/\(/y, sql, at)) at = next;
  return past(READ, sql, at) !== undefined;
}

/** Whether `sql` holds nothing but white space, comments and semicolons. */
function isEmpty(sql: string): boolean {
  let at = pastBlank(sql, 0);
  while (sql[at] === ';') at = pastBlank(sql, at + 1);
  return at >= sql.length;
}

/** Statements that replace refused functions with harmless macros, for names that only `query` puts together. */
export const SHADOWS = REFUSED_FUNCTIONS.map(
  (name) => `CREATE MACRO ${name}(refused) AS TABLE SELECT error('the function ${name} is not allowed')`,
);

/** The query behind EXPLAIN; any other statement is its own. */
export function explainedPart(sql: string): string {
  return sql.slice(explainedAt(sql) ?? 0);
}

function refuseFunction(name: string): never {
  throw new RefusedSql(`the function ${name.toLowerCase()} is not allowed: it does more than read the results`);
}

/**
 * Prepares one statement after the other, each checked, and passes it to `use`, which runs it: the next one may need that.
 * @throws RefusedSql; DuckDB's error; what `use` throws
 */
export async function forEachStatement(
  connection: DuckDBConnection,
  sql: string,
  use: (statement: DuckDBPreparedStatement) => Promise<void>,
): Promise<void> {
  const refused = REFUSED_NAME.exec(sql);
  if (refused !== null) refuseFunction(refused[1]);
  // DuckDB has no error for it.
  if (isEmpty(sql)) throw new RefusedSql('there is no statement in this SQL');
  const statements = await connection.extractStatements(sql);
  if (QUERY_CALL.test(sql)) await lookIntoQuery(connection, sql, statements.count);
  for (let number = 0; number < statements.count; number++) {
    const statement = await statements.prepare(number);
    try {
      permit(statement.statementType, sql, statements.count);
      await use(statement);
    } finally {
      statement.destroySync();
    }
  }
}

async function lookIntoQuery(connection: DuckDBConnection, sql: string, count: number): Promise<void> {
  if (count > 1) throw new RefusedSql('a statement with the function query must be the only one');
  const plan = await connection.runAndReadAll(`EXPLAIN (FORMAT json) ${sql}`);
  const refused = REFUSED_NAME.exec(JSON.stringify(plan.getRows()));
  if (refused !== null) refuseFunction(refused[1]);
}

/** Types under which DuckDB counts statements that are written otherwise. */
const WRITTEN_AS: Readonly<Partial<Record<StatementType, string>>> = {
  [StatementType.LOAD]: 'INSTALL or LOAD',
  [StatementType.CALL]: 'CALL or CHECKPOINT',
};

function permit(type: StatementType, sql: string, count: number): void {
  const name = WRITTEN_AS[type] ?? StatementType[type].replaceAll('_', ' ');
  if (!PERMITTED.has(type))
    throw new RefusedSql(`${name} is not allowed: SQL may only read the results, and change its own tables in memory`);
  if ((type === StatementType.CREATE || type === StatementType.DROP) && SECRET.test(sql))
    throw new RefusedSql('creating or dropping secrets is not allowed: the results are read with your own credentials');
  // A macro would defer the call past this check.
  if (type === StatementType.CREATE && QUERY_CALL.test(sql))
    throw new RefusedSql('the function query is allowed only in a query, not in CREATE');
  if (type !== StatementType.EXPLAIN) return;
  if (count > 1) throw new RefusedSql('EXPLAIN must be the only statement');
  if (explainedAt(sql) === undefined) throw new RefusedSql('EXPLAIN is allowed only for SELECT and the like');
}
