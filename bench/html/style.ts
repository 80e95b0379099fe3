// The report's style sheet: one column, two themes by the reader's own setting, colours that differ in lightness too.

const PALETTE = {
  light: [
    '#2563eb',
    '#c2410c',
    '#ea7a1a',
    '#b7950b',
    '#7c3aed',
    '#be185d',
    '#0e7490',
    '#15803d',
    '#65a30d',
    '#6b7280',
  ],
  dark: [
    '#7aa8ff',
    '#ff8f5e',
    '#ffb35c',
    '#f2d34b',
    '#b79bff',
    '#ff7fb5',
    '#4fd0e6',
    '#5fd98a',
    '#b4e35a',
    '#9aa3b2',
  ],
};

const variables = (theme: 'light' | 'dark', rest: string): string =>
  `${rest}${PALETTE[theme].map((colour, index) => `--class-${index}:${colour};`).join('')}`;

const LIGHT = variables(
  'light',
  '--paper:#fcfcfa;--card:#ffffff;--ink:#1c1f24;--soft:#626a76;--rule:#e4e6ea;--grid:#eceef1;--win:#1668c7;--loss:#cf4a0a;--target:#1c1f24;--roof:#454c57;',
);
const DARK = variables(
  'dark',
  '--paper:#14171c;--card:#1b1f26;--ink:#e9ebef;--soft:#9aa3b0;--rule:#2b313b;--grid:#262c35;--win:#69b1ff;--loss:#ff8a4c;--target:#f4f5f7;--roof:#b9c0cb;',
);

export const STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1060px;margin:0 auto;padding:56px 28px 80px}
h1{font-size:38px;line-height:1.15;letter-spacing:-.02em;margin:0 0 10px}
h2{font-size:25px;letter-spacing:-.01em;margin:72px 0 4px;padding-top:22px;border-top:2px solid var(--ink)}
h3{font-size:17px;margin:38px 0 2px}
p{margin:6px 0 14px;max-width:74ch}
.soft{color:var(--soft)}
code{font:13.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px;margin:30px 0 0}
.card{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:18px 20px}
.card b{display:block;font-size:34px;line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums;color:var(--win)}
.card.loss b{color:var(--loss)}
.card span{color:var(--soft);font-size:14px;line-height:1.4;display:block}
figure{margin:12px 0 0;background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:18px 16px 10px;overflow-x:auto}
svg{display:block;width:100%;min-width:720px;height:auto;font-family:inherit}
svg text{fill:var(--ink);font-size:13px}
svg .tick{fill:var(--soft);font-size:12px}
svg .small{fill:var(--soft);font-size:11px}
svg .label{font-size:13.5px;font-weight:600}
svg .value{font-size:14px;font-weight:650;font-variant-numeric:tabular-nums}
svg .over{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg .end{text-anchor:end}
svg .middle{text-anchor:middle}
svg .grid{stroke:var(--grid)}
svg .rule{stroke:var(--rule)}
svg .one{stroke:var(--ink);stroke-width:1.4}
svg .bar{fill-opacity:.16}
svg .bar.win{fill:var(--win)}
svg .bar.loss{fill:var(--loss);fill-opacity:.28}
svg .dot{stroke:var(--card);stroke-width:.9}
svg .dot.win{fill:var(--win)}
svg .dot.loss{fill:var(--loss)}
svg .whisker{stroke-width:1.6;stroke-opacity:.45}
svg .whisker.win{stroke:var(--win)}
svg .whisker.loss{stroke:var(--loss)}
svg .value.win,svg .winning{fill:var(--win)}
svg .value.loss,svg .losing{fill:var(--loss)}
svg .losing{font-weight:600}
svg .target{stroke:var(--target);stroke-width:2;stroke-dasharray:3 2.5;fill:none}
svg .roof{stroke:var(--roof);stroke-width:1.8}
svg .roof.winograd2,svg .roof.winograd4{stroke-dasharray:7 5;stroke-width:1.4}
svg .stem{stroke-width:1.1;stroke-opacity:.4}
svg .stem.win{stroke:var(--win)}
svg .stem.loss{stroke:var(--loss);stroke-opacity:.9}
svg .other{fill:var(--card);stroke:var(--soft);stroke-width:1.1}
svg .point{stroke:var(--card);stroke-width:1}
svg .dot:hover,svg .point:hover,svg .other:hover{stroke:var(--ink);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:13.5px;color:var(--soft);max-width:none;margin:12px 0 0}
.legend span{display:inline-flex;align-items:center;gap:7px}
.legend i{width:12px;height:12px;border-radius:3px}
.legend b{width:10px;height:10px;background:var(--soft)}
.legend .round{border-radius:50%}
.legend .diamond{transform:rotate(45deg)}
.legend .hollow{border-radius:50%;background:none;border:1.5px solid var(--soft);width:8px;height:8px}
.lost{border-left:4px solid var(--loss);padding:2px 0 2px 14px;max-width:none}
details{margin:14px 0 0}
summary{cursor:pointer;font-weight:600;padding:4px 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;white-space:nowrap;margin:8px 0 18px}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:600}
th:first-child,td:first-child{text-align:left}
footer{margin-top:72px;padding-top:20px;border-top:1px solid var(--rule);color:var(--soft);font-size:14px}
@media (max-width:640px){main{padding:32px 16px 56px}h1{font-size:29px}}
`.trim();
