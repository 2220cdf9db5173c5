const fs = require('fs');
const path = require('path');
const { DefinePlugin } = require('@rspack/core');

const python = path.resolve(__dirname, '../jupyter_mlops');
const [, version] = /__version__ = "(.+)"/.exec(
  fs.readFileSync(path.join(python, '_version.py'), 'utf-8')
);

module.exports = {
  // The chart is drawn by the same script as in notebooks and HTML files.
  resolve: {
    alias: {
      'mlops-chart-parts': path.join(python, 'metrics/chart_parts.js'),
      'mlops-chart': path.join(python, 'metrics/chart.js')
    }
  },
  plugins: [new DefinePlugin({ MLOPS_VERSION: JSON.stringify(version) })],
  // Equal sources give equal bytes.
  optimization: { moduleIds: 'named', chunkIds: 'named' }
};
