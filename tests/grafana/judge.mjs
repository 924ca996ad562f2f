// Judges dashboards by Grafana's own types: node judge.mjs FILE... prints what its compiler finds wrong,
// as ["FILE:LINE: fault", ...].
//
// Each file becomes a literal of the type Dashboard, whose panels are of the types of their plugins, so
// a member that Grafana does not know is a fault, and a word that is none of an option's words.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const PLUGINS = { timeseries: 'TimeSeries', stat: 'Stat', bargauge: 'BarGauge', table: 'Table' };
const WITH_FIELDS = new Set(['timeseries', 'table']);

const plugin = (folder) =>
  `@grafana/schema/dist/esm/raw/composable/${folder}/panelcfg/x/${PLUGINS[folder]}PanelCfg_types.gen`;

// Documents have the words of enumerations, not their names. Queries of Prometheus have no type in the
// package; their members stand here as its data source has them.
const TYPES = `
import type * as g from '@grafana/schema';
${Object.keys(PLUGINS).map((folder) => `import type * as ${folder} from '${plugin(folder)}';`).join('\n')}
type Json<T> = T extends string ? \`\${T}\`
  : T extends number | boolean | null | undefined ? T
  : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
type Query = g.DataQuery & { expr: string; legendFormat?: string; instant?: boolean; range?: boolean;
  format?: 'time_series' | 'table' | 'heatmap'; interval?: string };
type Fields<C> = { defaults: Omit<g.FieldConfig, 'custom'> & { custom?: C };
  overrides: g.FieldConfigSource['overrides'] };
type PanelOf<N extends string, O, C> = Omit<g.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> &
  { type: N; options: O; fieldConfig: Fields<C>; targets: Query[] };
type Row = Omit<g.RowPanel, 'type'> & { type: 'row' };
type AnyPanel = Row | ${Object.keys(PLUGINS).map((folder) =>
    `PanelOf<'${folder}', ${folder}.Options, ${WITH_FIELDS.has(folder) ? folder + '.FieldConfig' : 'never'}>`).join(' | ')};
type Board = Json<Omit<g.Dashboard, 'panels' | 'annotations'> & { panels: AnyPanel[];
  annotations: { list: g.AnnotationQuery<Query>[] } }>;
`;
const HEAD = `${TYPES}const board: Board = `;
const HEAD_LINES = HEAD.split('\n').length;

const here = dirname(fileURLToPath(import.meta.url));
const options = {
  strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
};

function judge(files) {
  const texts = new Map(files.map((file, i) =>
    [join(here, `board${i}.ts`), `${HEAD}${readFileSync(file, 'utf8')};\nexport default board;\n`]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  host.readFile = (name) => texts.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...rest) => texts.has(name) ?
    ts.createSourceFile(name, texts.get(name), options.target) : getSourceFile(name, ...rest);
  const program = ts.createProgram([...texts.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((found) => {
    const text = ts.flattenDiagnosticMessageText(found.messageText, '\n').split('\n').slice(-3).join(' ');
    if (!found.file) return text;
    const { line } = found.file.getLineAndCharacterOfPosition(found.start);
    const file = files[[...texts.keys()].indexOf(found.file.fileName)];
    return `${file ?? found.file.fileName}:${line + 2 - HEAD_LINES}: ${text}`;
  });
}

console.log(JSON.stringify(judge(process.argv.slice(2))));
