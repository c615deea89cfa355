/** A query by Athena: started, waited for, its rows read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { awsRequest } from '../deploy/awsrequest.ts';

type Client = Parameters<typeof awsRequest>[0];

/** Between two looks at a query that runs. */
const POLL_MS = 1000;
/** A query over a few rows takes seconds; one that is queued longer than this is stopped by nobody, but not waited for. */
const MOST_POLLS = 120;

interface Execution {
  QueryExecution: { Status: { State: string; StateChangeReason?: string } };
}

interface Answered {
  ResultSet: { Rows: { Data: { VarCharValue?: string }[] }[] };
}

/**
 * The rows of a query, without their names; every value as text.
 * @param pollMs milliseconds between two looks
 * @throws Error with Athena's reason when the query fails; AwsError when it may not be asked
 */
export async function queryAthena(
  client: Client,
  { workgroup, database, sql }: { workgroup: string; database: string; sql: string },
  pollMs = POLL_MS,
): Promise<(string | null)[][]> {
  const call = <T>(operation: string, input: object): Promise<T> =>
    awsRequest<T>(client, { service: 'athena', operation: `AmazonAthena.${operation}`, input });
  const { QueryExecutionId } = await call<{ QueryExecutionId: string }>('StartQueryExecution', {
    QueryString: sql,
    WorkGroup: workgroup,
    QueryExecutionContext: { Database: database },
  });
  for (let polls = 0; ; polls++) {
    const { State, StateChangeReason } = (await call<Execution>('GetQueryExecution', { QueryExecutionId }))
      .QueryExecution.Status;
    if (State === 'SUCCEEDED') break;
    if (State === 'FAILED' || State === 'CANCELLED')
      throw new Error(
        `Athena's query ${QueryExecutionId} has ${State.toLowerCase()}: ${StateChangeReason ?? 'no reason given'}`,
      );
    if (polls === MOST_POLLS) throw new Error(`Athena's query ${QueryExecutionId} is still ${State.toLowerCase()}`);
    await sleep(pollMs);
  }
  const { Rows } = (await call<Answered>('GetQueryResults', { QueryExecutionId })).ResultSet;
  return Rows.slice(1).map(({ Data }) => Data.map(({ VarCharValue }) => VarCharValue ?? null));
}
