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
/** Unambiguous: otherwise matching many comments would backtrack exponentially. */
const BLANK = String.raw`(?:\s|/\*(?:[^*]|\*(?!/))*\*/|--[^\n]*\n)`;
const NO_STATEMENT = new RegExp(String.raw`^(?:;|${BLANK})*(?:--[^\n]*)?$`);
const REFUSED_NAME = new RegExp(`\\b(${REFUSED_FUNCTIONS.join('|')})\\b`, 'i');
/** The one function that runs SQL from text and can be checked: what it reads is in the plan. */
const QUERY_CALL = new RegExp(String.raw`\bquery"?${BLANK}*\(`, 'i');
/** A secret says where requests go and with whose credentials. */
const SECRET_STATEMENT = new RegExp(
  String.raw`\b(?:CREATE|DROP)${BLANK}+(?:OR${BLANK}+REPLACE${BLANK}+)?(?:(?:PERSISTENT|TEMPORARY|TEMP)${BLANK}+)?SECRET\b`,
  'i',
);
/** The statement that EXPLAIN ANALYZE runs has no type of its own. */
const EXPLAIN = String.raw`^${BLANK}*EXPLAIN${BLANK}+(?:ANALYZE${BLANK}+)?(?:\((?:\w|[\s,])*\)${BLANK}*)?`;
const EXPLAINED_READ = new RegExp(
  String.raw`${EXPLAIN}\(*${BLANK}*(?:SELECT|FROM|WITH|VALUES|TABLE|PIVOT|UNPIVOT|SUMMARIZE|DESCRIBE)\b`,
  'i',
);

/** Statements that replace refused functions with harmless macros, for names that only `query` puts together. */
export const SHADOWS = REFUSED_FUNCTIONS.map(
  (name) => `CREATE MACRO ${name}(refused) AS TABLE SELECT error('the function ${name} is not allowed')`,
);

/** The query behind EXPLAIN; any other statement is its own. */
export function explainedPart(sql: string): string {
  return EXPLAINED_READ.test(sql) ? sql.replace(new RegExp(EXPLAIN, 'i'), '') : sql;
}

function refuseFunction(name: string): never {
  throw new RefusedSql(`the function ${name.toLowerCase()} is not allowed: it does more than read the results`);
}

/**
 * Runs all statements but the last, which is prepared. Each is checked before it runs.
 * @throws RefusedSql; DuckDB's error
 */
export async function prepareLast(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const refused = REFUSED_NAME.exec(sql);
  if (refused !== null) refuseFunction(refused[1]);
  // DuckDB has no error for it.
  if (NO_STATEMENT.test(sql)) throw new RefusedSql('there is no statement in this SQL');
  const statements = await connection.extractStatements(sql);
  if (QUERY_CALL.test(sql)) await lookIntoQuery(connection, sql, statements.count);
  for (let number = 0; ; number++) {
    const statement = await statements.prepare(number);
    try {
      permit(statement.statementType, sql, statements.count);
      if (number === statements.count - 1) return statement;
      await statement.run();
    } catch (error) {
      statement.destroySync();
      throw error;
    }
    statement.destroySync();
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
  if ((type === StatementType.CREATE || type === StatementType.DROP) && SECRET_STATEMENT.test(sql))
    throw new RefusedSql('creating or dropping secrets is not allowed: the results are read with your own credentials');
  // A macro would defer the call past this check.
  if (type === StatementType.CREATE && QUERY_CALL.test(sql))
    throw new RefusedSql('the function query is allowed only in a query, not in CREATE');
  if (type !== StatementType.EXPLAIN) return;
  if (count > 1) throw new RefusedSql('EXPLAIN must be the only statement');
  if (!EXPLAINED_READ.test(sql)) throw new RefusedSql('EXPLAIN is allowed only for SELECT and the like');
}
