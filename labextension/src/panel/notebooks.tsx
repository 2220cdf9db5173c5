import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { NotebookVerdict, VerdictCell, VerdictWord } from '../api/schema';
import type { ProjectModel } from '../model/project';
import { quote } from '../model/words';
import { Problem } from './parts';

const SHOWN_CELLS = 20;

/** The words of `notebook verdict`, each with its sign: one meaning, one look. */
const LOOKS: Record<VerdictWord, { sign: string; look: string }> = {
  verified: { sign: '✓', look: 'jp-Mlops-good' },
  clean: { sign: '✓', look: 'jp-Mlops-good' },
  'out of order, replayable': { sign: '↕', look: 'jp-Mlops-warning' },
  'used deleted or edited code': { sign: '!', look: 'jp-Mlops-warning' },
  'failed replay': { sign: '✗', look: 'jp-Mlops-bad' },
  unknown: { sign: '?', look: 'jp-Mlops-quiet' }
};

/** Notebooks: whether what they show came from what they say, and which carry outputs in Git. */
export function Notebooks(props: {
  project: ProjectModel;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { project, trans } = props;
  const [openPath, setOpenPath] = React.useState<string | null>(null);
  const problem = project.problemOf('verdicts');
  const notebooks = project.verdicts?.notebooks;
  const withOutputs = project.status?.notebooks_with_outputs ?? [];
  if (!notebooks) {
    return problem && <Problem problem={problem} trans={trans} />;
  }
  const known = notebooks.filter(one => one.verdict !== 'unknown' || one.path === openPath);
  const unknown = notebooks.filter(one => !known.includes(one));
  const row = (one: NotebookVerdict): React.JSX.Element => (
    <Row
      key={one.path}
      notebook={one}
      isOpen={one.path === openPath}
      onToggle={() => setOpenPath(one.path === openPath ? null : one.path)}
      trans={trans}
    />
  );
  return (
    <>
      {problem && <Problem problem={problem} trans={trans} />}
      {notebooks.length === 0 && (
        <p className="jp-Mlops-quiet">{trans.__('There are no notebooks here.')}</p>
      )}
      {known.length > 0 && <ul className="jp-Mlops-kept">{known.map(row)}</ul>}
      {unknown.length > 0 && (
        <details className="jp-Mlops-unknown" open={known.length === 0 && unknown.length <= 3}>
          <summary>
            {trans._n('%1 unknown notebook', '%1 unknown notebooks', unknown.length)}
          </summary>
          <p className="jp-Mlops-quiet">
            {trans.__('What their kernels ran is known from the next run on, with this in a cell:')}{' '}
            <code>%load_ext jupyter_mlops</code>
          </p>
          <ul className="jp-Mlops-kept">{unknown.map(row)}</ul>
        </details>
      )}
      {withOutputs.length > 0 && (
        <p className="jp-Mlops-warning">
          {trans._n(
            '%1 notebook is committed with outputs:',
            '%1 notebooks are committed with outputs:',
            withOutputs.length
          )}{' '}
          {withOutputs.join(', ')}. <code>git add --renormalize .</code>
        </p>
      )}
    </>
  );
}

/** What the section's head says of all notebooks: only what somebody may want to see to. */
export function tellNotebooks(project: ProjectModel, trans: TranslationBundle): string[] {
  const notebooks = project.verdicts?.notebooks ?? [];
  const count = (word: VerdictWord): number => notebooks.filter(one => one.verdict === word).length;
  const failed = count('failed replay');
  const other = count('used deleted or edited code');
  const disordered = count('out of order, replayable');
  const outputs = project.status?.notebooks_with_outputs.length ?? 0;
  const told: [number, string][] = [
    [failed, trans._n('%1 failed replay', '%1 failed replay', failed)],
    [other, trans._n('%1 used other code', '%1 used other code', other)],
    [disordered, trans._n('%1 ran out of order', '%1 ran out of order', disordered)],
    [outputs, trans._n('%1 carries outputs', '%1 carry outputs', outputs)]
  ];
  const some = told.filter(([many]) => many > 0);
  if (some.length < 2) {
    return some.map(([, text]) => text);
  }
  const doubtful = some.reduce((sum, [many]) => sum + many, 0);
  return [trans._n('%1 to look into', '%1 to look into', doubtful)];
}

function Row(props: {
  notebook: NotebookVerdict;
  isOpen: boolean;
  onToggle: () => void;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { notebook, isOpen, onToggle, trans } = props;
  const { sign, look } = LOOKS[notebook.verdict];
  return (
    <li className="jp-Mlops-notebook" data-verdict={notebook.verdict}>
      <button
        type="button"
        className="jp-Mlops-rowTitle"
        aria-expanded={isOpen}
        title={notebook.path}
        onClick={onToggle}
      >
        <span>{notebook.path}</span>
        <span className={`jp-Mlops-verdict ${look}`}>
          <span className="jp-Mlops-verdictSign" aria-hidden="true">
            {sign}
          </span>
          {notebook.verdict}
          {isStale(notebook) && (
            <span className="jp-Mlops-quiet"> · {trans.__('not saved since')}</span>
          )}
        </span>
      </button>
      {isOpen && <Details notebook={notebook} trans={trans} />}
    </li>
  );
}

function Details(props: {
  notebook: NotebookVerdict;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { notebook, trans } = props;
  const { replay, why } = notebook;
  const gone = notebook.cells.filter(cell => cell.role === 'deleted' || cell.role === 'edited');
  return (
    <div className="jp-Mlops-details">
      {replay !== null && <p>{replay}</p>}
      {gone.length === 0 && <p className={replay === null ? undefined : 'jp-Mlops-quiet'}>{why}</p>}
      {gone.length > 0 && (
        <dl>
          {gone.slice(0, SHOWN_CELLS).map((cell, at) => (
            <React.Fragment key={at}>
              <dt>{tellGone(cell, trans)}</dt>
              <dd title={cell.id ?? undefined}>
                <code>{cell.source}</code>
              </dd>
            </React.Fragment>
          ))}
        </dl>
      )}
      {gone.length > SHOWN_CELLS && (
        <p className="jp-Mlops-quiet">
          {trans.__('… and %1 more cells', gone.length - SHOWN_CELLS)}
        </p>
      )}
      {notebook.verdict !== 'verified' && (
        <div className="jp-Mlops-hint">
          <code>jupyter mlops notebook verify HEAD {quote(notebook.path)}</code>
        </div>
      )}
    </div>
  );
}

/** Whether cells may have been edited and run since the file was saved. */
function isStale(notebook: NotebookVerdict): boolean {
  return notebook.not_saved_since && notebook.verdict === 'used deleted or edited code';
}

/** What became of code that ran. */
function tellGone(cell: VerdictCell, trans: TranslationBundle): string {
  return cell.cell === null
    ? trans.__('deleted since')
    : trans.__('edited since, cell %1', cell.cell);
}
