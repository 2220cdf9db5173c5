import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IProblem } from '../api/client';

/** One part of the panel that can be folded; its head holds what is said and done at a glance. */
export function Section(props: {
  name: string;
  title: string;
  head?: React.ReactNode;
  isOpen: boolean;
  onToggle: (open: boolean) => void;
  children: React.ReactNode;
}): React.JSX.Element {
  const { name, title, head, isOpen, onToggle, children } = props;
  return (
    <section className={`jp-Mlops-section jp-Mlops-${name}`} aria-label={title}>
      <div className="jp-Mlops-sectionHead">
        <button
          type="button"
          className="jp-Mlops-fold"
          aria-expanded={isOpen}
          onClick={() => onToggle(!isOpen)}
        >
          <span className="jp-Mlops-arrow" aria-hidden="true" />
          {title}
        </button>
        {head}
      </div>
      {isOpen && <div className="jp-Mlops-sectionBody">{children}</div>}
    </section>
  );
}

/** A button with words, which submits its form where it has no `onClick`; `primary` stands out. */
export function Button(props: {
  label: string;
  onClick?: () => void;
  primary?: boolean;
  disabled?: boolean;
  title?: string;
}): React.JSX.Element {
  const { label, onClick, primary = false, disabled = false, title } = props;
  return (
    <button
      type={onClick ? 'button' : 'submit'}
      className={`jp-Mlops-button${primary ? ' jp-mod-primary' : ''}`}
      onClick={onClick}
      disabled={disabled}
      title={title}
    >
      {label}
    </button>
  );
}

/** What went wrong, and the commands that mend it. */
export function Problem(props: { problem: IProblem; trans: TranslationBundle }): React.JSX.Element {
  const { problem, trans } = props;
  return (
    <div className="jp-Mlops-problem" role="alert">
      <div>{tellProblem(problem, trans)}</div>
      {problem.hints.map(hint => (
        <div key={hint} className="jp-Mlops-hint">
          <code>{hint}</code>
        </div>
      ))}
    </div>
  );
}

/** Return the sentence that tells a problem; those of this side have none from the server. */
export function tellProblem(problem: IProblem, trans: TranslationBundle): string {
  switch (problem.code) {
    case 'unreachable':
      return trans.__('The Jupyter server does not answer.');
    case 'server-side-missing':
      return trans.__('The server’s side of jupyter-mlops is not running.');
    case 'no-answer':
      return trans.__('The server’s answer cannot be understood.');
    default:
      return problem.message;
  }
}

/** A better or worse difference, in words and sign as well as in colour. */
export function Change(props: {
  text: string;
  better: boolean | null;
  trans: TranslationBundle;
}): React.JSX.Element {
  const { text, better, trans } = props;
  if (better === null) {
    return <span className="jp-Mlops-quiet">{text}</span>;
  }
  return (
    <span className={better ? 'jp-Mlops-good' : 'jp-Mlops-bad'}>
      {text} {better ? trans.__('better') : trans.__('worse')}
    </span>
  );
}
