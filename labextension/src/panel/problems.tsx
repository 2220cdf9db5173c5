import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IProblem } from '../api/client';
import type { ActionsModel } from '../model/actions';
import type { ProjectModel } from '../model/project';
import type { IPageActions } from './panel';
import { Button, Problem, tellProblem } from './parts';

/** What stands where there is nothing to show: why, and the one thing to do about it. */
export function Nothing(props: {
  problem: IProblem;
  project: ProjectModel;
  actions: ActionsModel;
  page: IPageActions;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { problem, project, actions, page, trans } = props;
  const failed = actions.outcome?.kind === 'failed' ? actions.outcome.problem : null;
  return (
    <div className="jp-Mlops-teach jp-Mlops-nothing" data-code={problem.code}>
      {body()}
      {failed && <Problem problem={failed} trans={trans} />}
    </div>
  );

  function body(): React.JSX.Element {
    switch (problem.code) {
      case 'not-a-git-project':
        return (
          <>
            <h3>{trans.__('This folder is in no Git repository')}</h3>
            <p>
              {trans.__(
                'Snapshots, metrics and data are kept beside Git’s own history. Make the folder a repository:'
              )}
            </p>
            <pre>{'git init\njupyter mlops init'}</pre>
            <Button
              label={trans.__('Open a terminal here')}
              primary
              onClick={() => page.openTerminal()}
            />
          </>
        );
      case 'no-mlops-toml':
        return (
          <>
            <h3>{trans.__('A Git repository, but not a project yet')}</h3>
            <p>
              {trans.__(
                'A project has an mlops.toml, a filter that keeps notebooks’ outputs out of Git, and hooks that keep data with its branch. What this adds is shown by git status, and can be committed.'
              )}
            </p>
            <Button
              label={trans.__('Make it a project')}
              primary
              disabled={actions.isBusy}
              onClick={() => void actions.init()}
            />
          </>
        );
      case 'server-side-missing':
        return (
          <>
            <h3>{trans.__('The server’s side is missing')}</h3>
            <p>
              {trans.__(
                'This panel is installed, but the Jupyter server does not answer for it. Install and enable the package in the environment that runs the server, and start the server again:'
              )}
            </p>
            <pre>{'pip install jupyter-mlops\njupyter server extension enable jupyter_mlops'}</pre>
            <Button label={trans.__('Try again')} primary onClick={() => project.retry()} />
          </>
        );
      case 'unreachable':
        return (
          <>
            <h3>{tellProblem(problem, trans)}</h3>
            <p>
              {trans.__('What is kept is safe. The panel goes on as soon as the server is back.')}
            </p>
            <Button label={trans.__('Try again')} primary onClick={() => project.retry()} />
          </>
        );
      default:
        return (
          <>
            <Problem problem={problem} trans={trans} />
            <Button label={trans.__('Try again')} onClick={() => project.retry()} />
          </>
        );
    }
  }
}

/** The two halves come in one package, but a page may be older than the server that it talks to. */
export function VersionsDiffer(props: {
  ours: string;
  theirs: string | null;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  const { ours, theirs, trans } = props;
  if (theirs === null || theirs === ours) {
    return null;
  }
  return (
    <div className="jp-Mlops-card jp-Mlops-warning" role="status">
      {trans.__(
        'This panel is version %1, the server’s side %2. Reload the page; if that does not help, install jupyter-mlops again.',
        ours,
        theirs
      )}
    </div>
  );
}
