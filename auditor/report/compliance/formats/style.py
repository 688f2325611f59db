"""The style sheet of the page: light, dark, narrow and printed."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --text: #1a1f26; --dim: #57606b; --back: #fff; --card: #f5f7f9; --line: #d6dce2;
  --link: #0b5cad; --critical: #8f0f2a; --high: #c4271b; --medium: #8a5a00; --low: #0b63b8; --info: #57606b;
  --good: #1a7436; --fair: #8a5a00; --poor: #c4271b; --area: #0b63b81f; }
@media (prefers-color-scheme: dark) { :root { --text: #e8edf2; --dim: #a3adb8; --back: #10151b; --card: #1a2129;
  --line: #343e49; --link: #7db7f5; --critical: #ff8fa3; --high: #ff8577; --medium: #e0a93b; --low: #6fb1f7;
  --info: #a3adb8; --good: #57c47a; --fair: #e0a93b; --poor: #ff8577; --area: #6fb1f72b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 82rem; padding: 1.5rem; color: var(--text); background: var(--back);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--link); }
header { display: grid; grid-template-columns: 1fr auto; gap: 1rem 2rem; align-items: start;
  border-bottom: 1px solid var(--line); padding-bottom: 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; break-after: avoid; }
p { margin: .4rem 0; }
.eyebrow { color: var(--dim); margin: 0; }
.warning { border-left: 4px solid var(--medium); background: var(--card); padding: .5rem .75rem; margin-top: .75rem; }
.score { text-align: center; }
.gauge { width: 9rem; height: 9rem; }
.gauge .ring { fill: none; stroke: var(--line); stroke-width: 12; }
.gauge .arc { fill: none; stroke-width: 12; }
.arc.good { stroke: var(--good); } .arc.fair { stroke: var(--fair); } .arc.poor { stroke: var(--poor); }
.gauge .big { font-size: 25px; font-weight: 650; fill: var(--text); }
.change { margin: .25rem 0 0; font-weight: 600; line-height: 1.3; }
.of { margin: 0; color: var(--dim); font-weight: 400; font-size: .9rem; }
.good { color: var(--good); } .fair { color: var(--fair); } .poor { color: var(--poor); }
.tiles { grid-column: 1 / -1; display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 0; }
.tiles div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem;
  display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.tiles dt { color: var(--dim); font-size: .9rem; } .tiles dd { margin: 0; font-size: 1.5rem; font-weight: 650; }
.unknown { color: var(--dim); font-style: italic; } .tiles .unknown { font-size: 1rem; font-weight: 400; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: 0; margin: 1rem 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem;
  break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: .25rem; }
.chart { width: 100%; height: auto; display: block; }
.chart .grid, .chart .axis { stroke: var(--line); stroke-width: 1; }
.chart .tick { fill: var(--dim); font-size: 21px; } .chart .count { fill: var(--text); font-size: 22px; }
.chart .line { fill: none; stroke: var(--low); stroke-width: 3.5; stroke-linejoin: round; }
.chart .area { fill: var(--area); } .chart .dot { fill: var(--low); }
.chart .up { fill: var(--high); } .chart .down { fill: var(--good); }
.fill-critical { fill: var(--critical); } .fill-high { fill: var(--high); } .fill-medium { fill: var(--medium); }
.fill-low { fill: var(--low); } .fill-info { fill: var(--info); }
.scroll { overflow-x: auto; }
[data-section="summary"] { max-width: 48rem; } [data-section="summary"] td:first-child { color: var(--dim); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; min-width: 4.5rem; }
table.wide { font-size: .82rem; } table.wide th, table.wide td { padding: .3rem .45rem; }
[data-section="findings"] { min-width: 108rem; } [data-section="findings"] td:nth-child(n+3):nth-child(-n+7)
  { min-width: 11rem; }
th { color: var(--dim); font-weight: 600; overflow-wrap: normal; }
.when { white-space: nowrap; } th.number { text-align: right; } thead { display: table-header-group; }
tbody tr:nth-child(even) { background: var(--card); } tr { break-inside: avoid; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.mark { font-weight: 600; white-space: nowrap; }
.mark-critical, .mark-error, .mark-errored { color: var(--critical); }
.mark-high, .mark-fail, .mark-failed, .mark-denied, .mark-bypassed, .mark-expired { color: var(--high); }
.mark-medium, .mark-warn, .mark-warned, .mark-incomplete, .mark-about-to-expire { color: var(--medium); }
.mark-low { color: var(--low); } .mark-passed, .mark-in-force { color: var(--good); }
.mark-info, .mark-skip, .mark-excused, .mark-empty, .mark-removed { color: var(--info); }
footer { border-top: 1px solid var(--line); margin-top: 2.5rem; color: var(--dim); font-size: .85rem; }
code { font: .95em ui-monospace, monospace; overflow-wrap: anywhere; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
@media (max-width: 40rem) { body { padding: 1rem; }
  header { grid-template-columns: 1fr; } .score { text-align: left; } }
@page { size: A4 landscape; margin: 12mm; }
@media print { :root { color-scheme: light; --text: #000; --dim: #444; --back: #fff; --card: #f6f6f6; --line: #bbb;
  --critical: #8f0f2a; --high: #c4271b; --medium: #8a5a00; --low: #0b63b8; --info: #444; --good: #1a7436;
  --fair: #8a5a00; --poor: #c4271b; --area: #0b63b81f; }
  body { max-width: none; padding: 0; font-size: 10pt; } nav { display: none; } .scroll { overflow: visible; }
  table, table.wide { font-size: 7.5pt; } th, td { min-width: 0; } a { color: inherit; text-decoration: none; }
  [data-section="findings"], [data-section="findings"] td:nth-child(n+3):nth-child(-n+7) { min-width: 0; }
  .when { white-space: normal; } th { overflow-wrap: normal; } td:first-child { min-width: 9em; }
  [data-section="findings"] td:first-child { min-width: 0; } .charts { grid-template-columns: repeat(3, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
