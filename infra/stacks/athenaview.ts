/**
 * A view as Athena keeps it in the Glue catalog: a table of type VIRTUAL_VIEW whose
 * text is Presto's description of the view (shared/views/athena.ts).
 */
import type { CfnTable } from 'aws-cdk-lib/aws-glue';
import { type CatalogView, prestoView, VIEW_EXPANDED_TEXT } from '../../shared/views/athena.ts';

/** Longest comment that Glue accepts, in characters. */
const MOST_COMMENT = 255;

/** @throws RangeError when the text is longer than Glue accepts */
export function glueComment(text: string): string {
  if (text.length > MOST_COMMENT)
    throw new RangeError(`longer than Glue's limit of ${MOST_COMMENT} characters: ${text}`);
  return text;
}

/** The view as a Glue table input. */
export function glueView(view: CatalogView, database: string): CfnTable.TableInputProperty {
  const { originalText, columns } = prestoView(view, { database });
  return {
    name: view.name,
    description: view.description,
    tableType: 'VIRTUAL_VIEW',
    parameters: { presto_view: 'true', comment: 'Presto View' },
    partitionKeys: [],
    storageDescriptor: {
      columns: columns.map((column, i) => ({ ...column, comment: glueComment(view.columns[i].description) })),
      serdeInfo: {},
    },
    viewOriginalText: originalText,
    viewExpandedText: VIEW_EXPANDED_TEXT,
  };
}
