import { LabIcon } from '@jupyterlab/ui-components';

/** A line that rises over a commit graph. */
export const mlopsIcon = new LabIcon({
  name: 'jupyter-mlops:icon',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M3 13.2 8.6 7.6l4 4L20 4.2l1.4 1.4-8.8 8.8-4-4-4.2 4.2z"/>
    <path d="M4.9 18h4.3a2.5 2.5 0 0 1 4.6 0h5.3v1.6h-5.3a2.5 2.5 0 0 1-4.6 0H4.9z"/>
  </g>
</svg>`
});
