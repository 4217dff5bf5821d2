"""What the pages of the book need beyond the library.

`figures` draws, `explore` puts controls to a figure, `statements` checks the numbered statements,
`checks` checks a reader's answers to exercises, `glue` puts computed values into the text, and
`curvature`, `filters`, `pairs` and `tangent` compute what single chapters show. All of it needs
the extra ``book``; nothing in the library imports it. Each is imported on its own:
``from sdbook.book import figures`` loads no widgets.
"""
