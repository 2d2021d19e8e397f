"""The style sheet of the reports: one column on a phone; light or dark, as the browser is set."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f8; --sheet: #ffffff; --ink: #1b2126; --soft: #5a656e; --line: #d9dee2; --fill: #2f6690;
  --mark: #fff3d6; --bad: #a3231c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --sheet: #1d2327; --ink: #e6eaed; --soft: #9aa6af; --line: #343c42; --fill: #6ea8d6;
    --mark: #3a3017; --bad: #ff9b92;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.25rem 1rem 3rem; max-width: 75rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.6rem; line-height: 1.2; }
h2 { margin: 0 0 .6rem; font-size: 1rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: .2rem 0; }
section { margin-top: 1.5rem; }
small, footer, .soft { color: var(--soft); font-variant-numeric: tabular-nums; }
header { border-bottom: 2px solid var(--ink); padding-bottom: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem .3rem 0; text-align: left; vertical-align: top; font-weight: inherit; }
thead th, tbody th { color: var(--soft); }
tbody tr { border-top: 1px solid var(--line); }
.scroll th, .scroll td { min-width: 2.6rem; max-width: 12rem; overflow-wrap: break-word; }
.differs { background: var(--mark); }
.vehicles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .8rem; }
.vehicle { padding: .8rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 4px; }
.vehicle img { display: block; width: 100%; height: auto; border-radius: 2px; }
.vehicle table { table-layout: fixed; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; }
.vehicle figure { margin: .4rem 0 0; }
.vehicle figcaption { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
.problem { border-left: 3px solid var(--bad); padding: .5rem .7rem; color: var(--bad); }
footer { margin-top: 1.5rem; font-size: .85rem; }
@media print { .vehicle { break-inside: avoid; } }
"""
