"""What the pages of the book need beyond the library.

`figures` draws, `explore` puts controls to a figure, `statements` checks the numbered statements,
and `glue` puts computed values into the text. All of it needs the extra ``book``. Each is imported
on its own: ``from sdbook.book import figures`` loads no widgets.
"""
