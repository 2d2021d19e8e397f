"""The style of the comparisons, after that of every report (html_document)."""

STYLE = """
h3 { margin: 0; font-size: 1rem; }
p { margin: .2rem 0; }
small, footer, .soft { color: var(--soft); font-variant-numeric: tabular-nums; }
header { border-bottom: 2px solid var(--ink); padding-bottom: .8rem; }
.scroll { overflow-x: auto; }
table { font-variant-numeric: tabular-nums; }
thead th, tbody th { color: var(--soft); }
.scroll th, .scroll td { min-width: 2.6rem; max-width: 12rem; overflow-wrap: break-word; }
.vehicles { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: .8rem; }
.vehicle { padding: .8rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 4px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; }
.vehicle figure { margin: .4rem 0 0; }
.vehicle figcaption { color: var(--soft); font-size: .85rem; font-variant-numeric: tabular-nums; }
.problem { border-left: 3px solid var(--bad); padding: .5rem .7rem; color: var(--bad); }
footer { margin-top: 1.5rem; font-size: .85rem; }
"""
